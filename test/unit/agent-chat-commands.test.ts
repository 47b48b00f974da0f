import assert from 'node:assert/strict';
import { Manifest } from '#core/manifest.ts';
import { ChatCommandRequest } from '#core/messages/chat-command.ts';
import { subjectsOf } from '#core/subjects.ts';
import { Post, User } from '#integrations/mattermost/posts.ts';
import { systemClock } from '#lib/clock.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { BusEffect } from '../../src/agent/journal/outbox-store.ts';
import { passOn } from '../../src/agent/parts/chat-commands.ts';

const ADA = { id: 'u1', username: 'ada', roles: 'system_user', is_bot: false };

describe('a command from chat on its way to control', () => {
  let dir: TempDir;
  let journal: Journal;
  beforeEach(async () => {
    dir = await tempDir('commands');
    journal = new Journal({ stateDir: dir.path, clock: systemClock });
    await journal.start();
  });
  afterEach(async () => {
    await journal.stop();
    await dir[Symbol.asyncDispose]();
  });

  async function pass(id: string, account: object, shows = true): Promise<void> {
    const post = Post.parse({ id, create_at: Date.now(), user_id: 'u1', channel_id: 'c1', message: '' });
    const conversation = {
      id: `mm-${id}`,
      surface: 'mattermost' as const,
      channelId: 'c1',
      rootId: id,
      postId: id,
    };
    const manifest = Manifest.parse({ name: 'athena', role: 'lead', domains: ['planning'] });
    const surroundings = {
      fleet: 'f1',
      manifest,
      subjects: subjectsOf('f1'),
      serverName: 'chat',
      journal,
      clock: systemClock,
    };
    await passOn(surroundings, {
      id: post.id,
      saidAt: post.create_at,
      conversation,
      requester: User.parse({ ...ADA, ...account }),
      text: 'status',
      shows,
    });
  }
  const requests = async (): Promise<ChatCommandRequest['data'][]> => {
    const entries = await journal.outbox.source('bus').next(10, []);
    return entries.map(
      ({ payload }) => ChatCommandRequest.schema.parse(JSON.parse(BusEffect.parse(payload).body)).data,
    );
  };

  for (const [standing, account] of [
    ['member', {}],
    ['guest', { roles: 'system_guest' }],
    ['deactivated', { delete_at: 1_764_000_000_000 }],
    ['deactivated', { roles: 'system_guest', delete_at: 1 }],
  ] as const) {
    it(`says that it is of a ${standing} (${JSON.stringify(account)})`, async () => {
      await pass('p1', account);

      const [request] = await requests();
      assert.deepEqual(request?.requester, { id: 'u1', name: 'ada', standing });
    });
  }

  it('goes once, in order with other commands, and is shown by one agent only', async () => {
    await pass('p1', {}, false);
    await pass('p2', {}, true);
    await pass('p2', {}, true);

    const bus = journal.outbox.source('bus');
    journal.outbox.addBus('result:r1', { subject: 's', msgId: 'm', body: '{}' });
    const first = await bus.next(10, []);
    assert.deepEqual(
      first.map(({ key }) => key),
      ['command:p1', 'result:r1'],
      'the next one hides nothing that others could send',
    );
    await bus.done(first.map(({ id }) => id));
    const second = await bus.next(10, []);
    assert.deepEqual(
      second.map(({ key }) => key),
      ['command:p2'],
    );
    assert.equal(second[0]?.lane, first[0]?.lane, 'one lane keeps the order');
    const shown = await journal.outbox.source('chat').next(10, []);
    assert.deepEqual(
      shown.map(({ key }) => key),
      ['eyes:p2'],
    );
    assert.equal(journal.inbox.wasAskedIn('p2', 'athena'), false, 'it makes no thread the agent’s');
  });
});
