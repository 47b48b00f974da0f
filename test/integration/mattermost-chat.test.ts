import assert from 'node:assert/strict';
import { MattermostChat } from '#integrations/mattermost/chat.ts';
import { createLogger } from '#lib/log.ts';
import { ControlSurface } from '#test/control-surface.ts';
import { waitFor } from '#test/wait.ts';
import { createMattermostStandin } from '../../src/standins/mattermost/server.ts';

const SEED = {
  team: { name: 'olympus' },
  users: [{ username: 'admin', roles: 'system_admin system_user', token: 'admin-token' }],
  bots: [{ username: 'athena', token: 'athena-token' }],
  channels: [],
};

// Mocha's own limit ends a test that hangs; a time-out made here would run from the loading of this file.
const { signal } = new AbortController();

describe('the connection to chat is never silently deaf', () => {
  let standin: Awaited<ReturnType<typeof createMattermostStandin>>;
  before(async () => {
    standin = await createMattermostStandin({ seed: SEED });
  });
  after(() => standin?.close());

  function connect(token: string): MattermostChat & { gaps: number } {
    const chat = new MattermostChat({
      url: standin.url,
      token,
      pingEveryMs: 200,
      onPosted: () => undefined,
      onRevised: () => undefined,
      onReaction: () => undefined,
      onGap: () => {
        counted.gaps += 1;
      },
      log: createLogger({ name: 'test', level: 'silent' }),
    });
    const counted = Object.assign(chat, { gaps: 0 });
    return counted;
  }

  async function setBot(verb: 'enable' | 'disable'): Promise<void> {
    const id = standin.seeded?.users['athena']?.id;
    const headers = { authorization: 'Bearer admin-token' };
    const response = await fetch(`${standin.url}/api/v4/bots/${id}/${verb}`, {
      method: 'POST',
      headers,
      signal,
    });
    assert.equal(response.status, 200);
  }

  it('says that the token is refused, and does not hammer the server', async () => {
    const admin = new ControlSurface(standin.adminUrl);
    const chat = connect('not-a-token');
    assert.equal(chat.health().alarm, undefined, 'there is none before it has begun');
    await chat.start();
    try {
      await waitFor('the refusal to show', () =>
        /401.*Invalid or expired session/.test(chat.health().reason ?? ''),
      );

      assert.equal(chat.health().ready, false);
      const { requests } = await admin.get<{ requests: unknown[] }>('requests');
      assert.ok(requests.length < 10, `${requests.length} requests`);
      assert.doesNotMatch(chat.health().reason ?? '', /not-a-token/);
    } finally {
      await chat.stop();
    }
  });

  it('notices that its bot was disabled though the socket stays open, and comes back when it is enabled', async () => {
    const chat = connect('athena-token');
    await chat.start();
    try {
      await waitFor('the connection', () => chat.health().ready);
      const gapsBefore = chat.gaps;

      await setBot('disable');
      await waitFor('the deafness to show', () => !chat.health().ready);
      await setBot('enable');
      await waitFor('the connection to be back', () => chat.health().ready, { timeoutMs: 20_000 });

      assert.ok(chat.gaps > gapsBefore, 'what was said meanwhile is read again');
    } finally {
      await chat.stop();
    }
  });
});
