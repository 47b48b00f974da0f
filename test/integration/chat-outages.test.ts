import assert from 'node:assert/strict';
import { type ChatReader, type ChatReaderOptions, startChatReader } from '#test/chat-reader.ts';
import { ControlSurface } from '#test/control-surface.ts';
import { hurriedClock } from '#test/hurried-clock.ts';
import { Person } from '#test/person.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { createMattermostStandin } from '../../src/standins/mattermost/server.ts';

const SEED = {
  team: { name: 'olympus' },
  users: [
    { username: 'human', token: 'human-token' },
    { username: 'admin', roles: 'system_admin system_user', token: 'admin-token' },
  ],
  bots: [{ username: 'athena', token: 'athena-token' }],
  channels: [],
};

describe('what people say while an agent cannot hear is taken when it can, each once', () => {
  let standin: Awaited<ReturnType<typeof createMattermostStandin>>;
  let faults: ControlSurface;
  let human: Person;
  let admin: Person;
  let dir: TempDir;
  let athena: ChatReader;
  let number = 0;
  beforeEach(async () => {
    standin = await createMattermostStandin({ seed: SEED });
    faults = new ControlSurface(standin.adminUrl);
    human = await Person.connect(standin.url, 'human-token');
    admin = await Person.connect(standin.url, 'admin-token');
    dir = await tempDir('outage');
    await start();
    await mention(1);
    await taken(1);
  });
  afterEach(async () => {
    await athena?.[Symbol.asyncDispose]();
    await standin?.close();
    await dir?.[Symbol.asyncDispose]();
    number = 0;
  });

  async function start(options: Partial<ChatReaderOptions> = {}): Promise<void> {
    athena = await startChatReader({ url: standin.url, stateDir: dir.path, pingEveryMs: 200, ...options });
  }
  async function mention(count: number): Promise<void> {
    for (let index = 0; index < count; index++) await human.say(`@athena number ${++number}`);
  }
  /** Resolves when all that were said are on their way to control; fails when one is twice. */
  async function taken(count: number): Promise<void> {
    const numbers = async () => (await athena.said()).map((text) => Number(text?.replace('number ', '')));
    await waitFor(`${count} messages to be taken`, async () => (await numbers()).length >= count, {
      timeoutMs: 30_000,
    });
    await waitFor('readiness', () => athena.chat.health().ready && athena.inbox.health().ready);
    assert.deepEqual(
      (await numbers()).toSorted((a, b) => a - b),
      Array.from({ length: count }, (_, index) => index + 1),
    );
  }
  const untilAlarm = (reason: RegExp) =>
    waitFor(`an alarm that says ${reason}`, () => {
      const { alarm, ready, reason: said = '' } = athena.chat.health();
      if (alarm && !ready && reason.test(said)) return true;
      throw new Error(JSON.stringify(athena.chat.health()));
    });
  const bot = (verb: 'enable' | 'disable') =>
    admin.call('POST', `/bots/${standin.seeded?.users['athena']?.id}/${verb}`);

  it('its bot was disabled', async () => {
    assert.equal((await bot('disable')).status, 200);
    await mention(3);
    await untilAlarm(/^hears nothing since 20\d\d-.*401/);
    assert.deepEqual((await athena.said()).length, 1, 'it was deaf');

    await bot('enable');

    await taken(4);
  });

  it('its token was revoked: it hears again with another one', async () => {
    const { body } = await admin.call('GET', `/users/${standin.seeded?.users['athena']?.id}/tokens`);
    const [token] = body as unknown as { id: string }[];
    assert.equal((await admin.call('POST', '/users/tokens/revoke', { token_id: token?.id })).status, 200);
    await mention(2);
    await untilAlarm(/401/);
    assert.doesNotMatch(athena.chat.health().reason ?? '', /athena-token/);

    await athena[Symbol.asyncDispose]();
    await faults.post('seed', { ...SEED, bots: [{ username: 'athena', token: 'new-token' }] });
    await start({ token: 'new-token' });

    await taken(3);
  });

  it('the server was away for long, and started anew', async () => {
    await faults.post('faults', { kind: 'cut-sockets', refuse: true });
    await mention(3);
    await untilAlarm(/hears nothing since/);

    await faults.post('faults', { kind: 'restart' });
    await faults.delete('faults');

    await taken(4);
  });

  it('the server answers and never greets: an alarm after 90 s, in however many sessions', async () => {
    await athena[Symbol.asyncDispose]();
    await faults.post('faults', { kind: 'cut-sockets', refuse: true });
    const clock = hurriedClock();
    const begunAt = clock.now();
    await start({ clock, pingEveryMs: 30_000 });

    await untilAlarm(/hears nothing since .* did not greet/);

    assert.ok(clock.now() - begunAt > 90_000, `after ${clock.now() - begunAt} ms`);
    await mention(1);
    await faults.delete('faults');
    await taken(2);
  });

  for (const [answers, what, reason] of [
    [false, 'answers no ping', /hears nothing since/],
    [true, 'refuses every ping', /hears nothing since .* a ping was refused/],
  ] as const) {
    it(`the server greets and ${what}: an alarm after 90 s, in few sessions`, async () => {
      await athena[Symbol.asyncDispose]();
      await faults.post('faults', { kind: 'deaf-to-pings', answers });
      const clock = hurriedClock();
      const begunAt = clock.now();
      let sessions = 0;
      await start({
        ...{ clock, pingEveryMs: 30_000 },
        change: ({ rest }) => {
          const me = rest.me.bind(rest);
          rest.me = (signal) => {
            sessions += 1;
            return me(signal);
          };
        },
      });

      await untilAlarm(reason);

      assert.ok(clock.now() - begunAt > 90_000, `after ${clock.now() - begunAt} ms`);
      // Once a second it would be some ninety of them.
      assert.ok(sessions < 40, `${sessions} sessions`);
      await faults.delete('faults');
      await mention(1);
      await taken(2);
    });
  }

  it('200 posts were missed, which the server no longer had for it', async () => {
    await faults.post('faults', { kind: 'cut-sockets', refuse: true });
    await mention(200);
    await faults.post('faults', { kind: 'restart' });
    await faults.delete('faults');

    await taken(201);
  });

  it('more was missed than the server gives at once', async () => {
    await athena[Symbol.asyncDispose]();
    await mention(2);
    const post = await human.say('a table of results');
    for (let edit = 0; edit < 1000; edit++)
      await human.call('PUT', `/posts/${post.id}/patch`, { message: `results, ${edit} of them` });
    await mention(2);

    await start();

    await taken(5);
  });

  for (const [status, what] of [
    [429, 'the rate limit, told as plain text'],
    [502, "a proxy's page"],
  ] as const) {
    it(`it is answered with ${what}, again and again, and says so`, async () => {
      const pathPattern = 'since=|users/me$';
      await faults.post('faults', { kind: 'fail-next', status, count: 4, pathPattern });
      await faults.post('faults', { kind: 'restart' });
      await mention(3);
      await waitFor('it to say so', () => {
        const health = [athena.inbox.health(), athena.chat.health()];
        return health.some(({ ready, reason }) => !ready && reason?.includes(`answered ${status}`));
      });

      await taken(4);
    });
  }

  it('several posts are of one millisecond, and the first one alone was taken', async () => {
    const { rest } = athena.chat;
    const { signal } = new AbortController();
    const post = await human.say('just now');

    const { written } = await rest.since(post.channel_id, post.create_at, signal);

    assert.ok(written.some(({ id }) => id === post.id));
  });
});
