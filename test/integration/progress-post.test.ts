import assert from 'node:assert/strict';
import type { RunEvent } from '#core/run-states.ts';
import { MattermostRest } from '#integrations/mattermost/rest.ts';
import { createLogger } from '#lib/log.ts';
import { released } from '#test/agent-work.ts';
import { ControlSurface } from '#test/control-surface.ts';
import { ManualClock } from '#test/manual-clock.ts';
import { Person, type SeenPost } from '#test/person.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { ProgressPosts } from '../../src/agent/parts/progress.ts';
import { createMattermostStandin } from '../../src/standins/mattermost/server.ts';

const SEED = {
  team: { name: 'olympus' },
  users: [{ username: 'human', token: 'human-token' }],
  bots: [{ username: 'athena', token: 'athena-token' }],
  channels: [],
};
const AFTER_MS = 5_000;
const log = createLogger({ name: 'test', level: 'silent' });

describe('the post that shows how a run gets on', () => {
  let dir: TempDir;
  let standin: Awaited<ReturnType<typeof createMattermostStandin>>;
  let faults: ControlSurface;
  let human: Person;
  let athena: Person;
  let rest: MattermostRest;
  let clock: ManualClock;
  let journal: Journal;
  let progress: ProgressPosts;
  let lease: { held: boolean };
  let count = 0;

  before(async () => {
    standin = await createMattermostStandin({ seed: SEED });
    faults = new ControlSurface(standin.adminUrl);
    human = await Person.connect(standin.url, 'human-token');
    athena = await Person.connect(standin.url, 'athena-token');
    rest = new MattermostRest(standin.url, 'athena-token');
  });
  after(async () => standin?.close());
  beforeEach(async () => {
    dir = await tempDir('progress');
    clock = new ManualClock();
    lease = { held: true };
    await begin();
  });
  afterEach(async () => {
    await faults.delete('faults');
    await end();
    await dir[Symbol.asyncDispose]();
  });

  async function begin(afterMs = AFTER_MS): Promise<void> {
    journal = new Journal({ stateDir: dir.path, clock });
    progress = new ProgressPosts({ chat: { me: undefined, rest }, journal, lease, afterMs, log, clock });
    await progress.start();
    await roundOver();
  }
  async function end(): Promise<void> {
    await progress.stop();
    await journal.stop();
  }
  const roundOver = () => waitFor('the round to be over', () => clock.waits.length > 0);

  /** Lets time pass, second after second. */
  async function pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      await clock.advance(1_000);
      await roundOver();
    }
  }

  /** A run at work on something that somebody has asked. */
  async function startRun(): Promise<{ runId: string; thread: string }> {
    const asked = await human.say('@athena work');
    const runId = `r-${++count}`;
    const conversation = {
      ...{ id: `mm-${asked.id}`, surface: 'mattermost' as const, channelId: asked.channel_id },
      ...{ rootId: asked.id, postId: asked.id },
    };
    await journal.transaction(() => {
      journal.runs.claim(released(runId, { conversation }).dispatch, 'n');
      journal.runs.advance(runId, 'start');
    });
    return { runId, thread: asked.id };
  }
  const call = (runId: string, tool: string): void => progress.heard(runId, { kind: 'tool', detail: tool });
  const advance = (runId: string, event: RunEvent) =>
    journal.transaction(() => journal.runs.advance(runId, event));

  /** The one post there, which is of the agent. */
  async function shownIn(thread: string): Promise<SeenPost> {
    const [post, ...others] = await human.replies(thread);
    assert.deepEqual(others, []);
    assert.ok(post, 'nothing was posted');
    assert.equal(post.user_id, athena.userId);
    return post;
  }

  /** Requests that changed or made a post since then. */
  async function writes(since = 0): Promise<{ last: number; paths: string[] }> {
    type Seen = { last: number; requests: { method: string; path: string; user?: string }[] };
    const { last, requests } = await faults.get<Seen>(`requests?since=${since}`);
    const own = requests.filter(({ method, user }) => user === 'athena' && method !== 'GET');
    return { last, paths: own.map(({ method, path }) => `${method} ${path}`) };
  }

  it('comes after some seconds, once a tool was called, and becomes one line when the run is over', async () => {
    const { runId, thread } = await startRun();
    await pass(6);
    assert.deepEqual(await human.replies(thread), [], 'there is nothing to show');

    call(runId, 'exec');
    await pass(1);
    const { id, message } = await shownIn(thread);
    assert.equal(message, 'Working for 7 s, running a command.\n1 tool call so far: 1 command.');

    call(runId, 'read');
    await pass(1);
    assert.match((await shownIn(thread)).message, /^Working for 8 s, reading a file\.\n2 tool calls/);
    progress.heard(runId, { kind: 'step' });
    await pass(1);
    assert.match((await shownIn(thread)).message, /^Working for 9 s, thinking\./);
    await journal.transaction(() => journal.asks.open({ key: 'k', runId, hash: 'h' }));
    await pass(1);
    assert.match((await shownIn(thread)).message, /^Working for 10 s, waiting for people\./);
    await advance(runId, 'finish');
    await pass(1);
    const closed = await shownIn(thread);
    assert.deepEqual(
      [closed.id, closed.message],
      [id, 'Worked 10 s: 2 tool calls (1 command, 1 file read).'],
    );
    const { last } = await writes();
    await pass(120);
    assert.deepEqual((await writes(last)).paths, [], 'it is left alone from then on');
  });

  it('is of no run that is over before that, or that is of no conversation', async () => {
    const short = await startRun();
    call(short.runId, 'exec');
    await pass(3);
    await advance(short.runId, 'finish');
    const quiet = released(`r-${++count}`).dispatch;
    await journal.transaction(() => {
      journal.runs.claim(quiet, 'n');
      journal.runs.advance(quiet.runId, 'start');
    });
    call(quiet.runId, 'exec');
    const { last } = await writes();

    await pass(10);

    assert.deepEqual((await writes(last)).paths, []);
  });

  it('is changed once a second at most, ever more rarely, and once a minute where only time passes', async () => {
    const { runId } = await startRun();
    const perMinute: number[] = [];
    for (let minute = 0; minute < 5; minute++) {
      const { last } = await writes();
      for (let second = 0; second < 60; second++) {
        for (let each = 0; each < 3; each++) call(runId, 'exec');
        await pass(1);
      }
      perMinute.push((await writes(last)).paths.length);
    }
    const [first = 0, second = 0] = perMinute;
    assert.ok(first > 25 && first <= 60, `${perMinute}`);
    assert.ok(second < first && (perMinute.at(-1) ?? 99) <= 6, `${perMinute}`);

    await pass(31);
    const { last } = await writes();
    await pass(180);
    assert.equal((await writes(last)).paths.length, 3);
  }).timeout(60_000);

  it('is found again after a restart, also where its making was not heard of', async () => {
    const { runId, thread } = await startRun();
    await pass(5);
    call(runId, 'exec');
    await faults.post('faults', { kind: 'answer-lost', method: 'POST', pathPattern: '/posts$' });
    await pass(1);
    const { id } = await shownIn(thread);
    await end();
    clock = new ManualClock(clock.now());
    await begin();

    call(runId, 'read');
    await pass(1);
    assert.match((await shownIn(thread)).message, /^Working for 7 s, reading a file/);
    await end();
    clock = new ManualClock(clock.now());
    await begin();
    await advance(runId, 'finish');
    await pass(1);

    const closed = await shownIn(thread);
    assert.deepEqual([closed.id, closed.message], [id, 'Worked 7 s: 1 tool call (1 file read).']);
  });

  it('is made once, and by nobody else, where another daemon of the agent has made it', async () => {
    const { runId, thread } = await startRun();
    const marks = { marker: `progress:${runId}`, depth: 0 };
    const channelId = await human.channelId('town-square');
    await human.say('mine', { rootId: thread, props: { olympus: marks } });
    await rest.post(
      { channelId, rootId: thread, message: 'begun elsewhere', marks },
      AbortSignal.timeout(10_000),
    );
    call(runId, 'exec');

    await pass(6);

    const messages = (await human.replies(thread)).map(({ message }) => message.split(',')[0]);
    assert.deepEqual(messages, ['mine', 'Working for 5 s']);
    lease.held = false;
    const { last } = await writes();
    call(runId, 'exec');
    await pass(10);
    assert.deepEqual((await writes(last)).paths, [], 'the one that holds the lease writes it');
  });

  for (const [what, order] of [
    ['refuses for now', { kind: 'fail-next', status: 429 }],
    ['fails behind its proxy', { kind: 'fail-next', status: 502 }],
  ] as const) {
    it(`is asked of a server that ${what} ever more rarely, and says then what is true then`, async () => {
      const { runId, thread } = await startRun();
      await faults.post('faults', { ...order, count: 1_000, pathPattern: '/api/v4/' });
      const { last } = await writes();
      type Seen = { requests: { user?: string; status?: number }[] };
      for (let second = 0; second < 120; second++) {
        call(runId, 'exec');
        await pass(1);
      }
      const { requests } = await faults.get<Seen>(`requests?since=${last}`);
      assert.ok(requests.length >= 2 && requests.length < 15, `${requests.length} requests`);
      assert.equal(journal.outbox.pending('chat'), 0, 'nothing is kept for later');
      await faults.delete('faults');

      await advance(runId, 'park');
      await startRun();
      await pass(90);

      assert.deepEqual(await human.replies(thread), [], 'of what is over nothing is made afterwards');
    }).timeout(30_000);
  }

  it('waits for all that people wait for', async () => {
    const { runId, thread } = await startRun();
    call(runId, 'exec');
    journal.outbox.addChat('answer', { kind: 'unreact', postId: thread, emoji: 'eyes' });
    await pass(10);
    assert.deepEqual(await human.replies(thread), []);

    const [answer] = await journal.outbox.source('chat').next(1, []);
    await journal.outbox.source('chat').done([answer?.id ?? 0]);
    await pass(1);
    assert.match((await shownIn(thread)).message, /^Working for 11 s/);
  });

  it('is not made again when somebody has deleted it', async () => {
    const { runId, thread } = await startRun();
    call(runId, 'exec');
    await pass(5);
    await athena.call('DELETE', `/posts/${(await shownIn(thread)).id}`);
    call(runId, 'read');
    await pass(40);
    await end();
    clock = new ManualClock(clock.now());
    await begin();
    call(runId, 'read');
    await pass(40);
    await advance(runId, 'finish');
    await pass(2);

    assert.deepEqual(await human.replies(thread), []);
  });

  it('is left as it is where the server lets posts be changed no more', async () => {
    const { runId, thread } = await startRun();
    call(runId, 'exec');
    await pass(5);
    const { message } = await shownIn(thread);
    await faults.post('faults', { kind: 'fail-next', status: 501, method: 'PUT' });
    const { last } = await writes();
    call(runId, 'read');
    await pass(60);
    await advance(runId, 'finish');
    await pass(5);

    assert.equal((await shownIn(thread)).message, message);
    assert.equal((await writes(last)).paths.length, 1);
  });

  for (const [event, text] of [
    ['park', /^Worked 5 s: 1 tool call/],
    ['finish', /^Worked 5 s: 1 tool call/],
    ['abandon', /^No longer at work here: 1 tool call/],
    ['discard', /^No longer at work here: 1 tool call/],
  ] as const) {
    it(`is closed after a restart when its run has come to ${event}`, async () => {
      const { runId, thread } = await startRun();
      call(runId, 'exec');
      await pass(5);
      await advance(runId, event);
      await end();
      lease.held = false;
      clock = new ManualClock(clock.now());
      await begin();

      await pass(1);

      assert.match((await shownIn(thread)).message, text);
    });
  }

  it('is not made where the manifest says so, and closed where it is there', async () => {
    const { runId, thread } = await startRun();
    call(runId, 'exec');
    await pass(5);
    const other = await startRun();
    await end();
    clock = new ManualClock(clock.now());
    await begin(Number.POSITIVE_INFINITY);
    call(other.runId, 'exec');
    await pass(30);
    await advance(runId, 'finish');
    await pass(1);

    assert.match((await shownIn(thread)).message, /^Worked 35 s/);
    assert.deepEqual(await human.replies(other.thread), []);
  });
});
