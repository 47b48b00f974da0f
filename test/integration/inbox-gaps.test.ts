import assert from 'node:assert/strict';
import { Delivery } from '#core/messages/delivery.ts';
import type { MattermostChat } from '#integrations/mattermost/chat.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { startChatReader } from '#test/chat-reader.ts';
import { Person } from '#test/person.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { deliveryHandler } from '../../src/agent/parts/deliveries.ts';
import { createMattermostStandin } from '../../src/standins/mattermost/server.ts';

const SEED = {
  team: { name: 'olympus' },
  users: [{ username: 'human', token: 'human-token' }],
  bots: [{ username: 'athena', token: 'athena-token' }],
  channels: [],
};
const log = createLogger({ name: 'test', level: 'silent' });

describe('what an agent reads again after it was away', () => {
  let standin: Awaited<ReturnType<typeof createMattermostStandin>>;
  let human: Person;
  let dir: TempDir;
  before(async () => {
    standin = await createMattermostStandin({ seed: SEED });
    human = await Person.connect(standin.url, 'human-token');
  });
  after(() => standin?.close());
  beforeEach(async () => {
    dir = await tempDir('inbox');
  });
  afterEach(() => dir?.[Symbol.asyncDispose]());

  const start = (change?: (chat: MattermostChat) => void) =>
    startChatReader({ url: standin.url, stateDir: dir.path, ...(change ? { change } : {}) });
  const edit = (id: string, message: string) => human.call('PUT', `/posts/${id}/patch`, { message });

  it('finds edits also of the last message of a channel', async () => {
    let ids: string[] = [];
    {
      await using daemon = await start();
      ids = [(await human.say('@athena one')).id, (await human.say('@athena two')).id];
      await daemon.untilSaid('two');
    }
    for (const id of ids) await edit(id, '@athena something else');

    await using daemon = await start();

    await waitFor('both edits', async () => {
      const edits = (await daemon.said()).filter((text) => text === 'something else');
      return edits.length === 2;
    });
  });

  it('loses no edit and no deletion when a call fails while it reads on', async () => {
    let [changed, gone] = ['', ''];
    {
      await using daemon = await start();
      changed = (await human.say('@athena will change')).id;
      gone = (await human.say('@athena will go')).id;
      await human.say('@athena will stay');
      await daemon.untilSaid('will stay');
    }
    await human.call('DELETE', `/posts/${gone}`);
    await edit(changed, '@athena has changed');
    await human.say('@athena is new');
    await human.say('!olympus status');
    let failed = 0;

    await using daemon = await start(({ rest }) => {
      const user = rest.user.bind(rest);
      let asked = 0;
      rest.user = (id, signal) => {
        asked += 1;
        if (asked !== 2) return user(id, signal);
        failed += 1;
        return Promise.reject(new Error('429'));
      };
    });

    await daemon.untilSaid('status');
    assert.equal(failed, 1, 'a call has failed');
    const said = await daemon.said();
    assert.ok(said.includes('has changed'), said.join());
    assert.ok(said.includes(undefined), 'and the deletion');
  });

  it('posts no buttons for what was closed before it came', async () => {
    const journal = new Journal({ stateDir: dir.path, clock: systemClock });
    await journal.start();
    const handle = deliveryHandler({
      ...{ agent: 'athena', journal, lease: { held: true }, log },
      onAdded: () => undefined,
      onDecided: () => undefined,
    });
    const told = (deliveryId: string, more: object): Promise<void> => {
      const conversation = {
        id: 'mm-p',
        surface: 'mattermost' as const,
        channelId: 'c',
        rootId: 'p',
        postId: 'p',
      };
      const head = { id: deliveryId, source: '/test', subject: 'task/t', time: new Date().toISOString() };
      const data = {
        deliveryId,
        agent: 'athena',
        conversation,
        state: 'admitted' as const,
        depth: 0,
        ...more,
      };
      return handle({
        ...{
          stream: 'TEST',
          seq: 1,
          subject: 'f1.deliveries.athena.d',
          msgId: undefined,
          storedAt: Date.now(),
        },
        ...{ deliveryCount: 1, body: Buffer.from(JSON.stringify(Delivery.create(head, data))) },
        ack: async () => undefined,
        working: () => undefined,
        later: () => assert.fail('given back'),
        term: (reason) => assert.fail(reason),
      });
    };
    const buttons = [{ name: 'Approve', style: 'primary', press: {} }];
    const card = (id: string) => ({ id, url: 'http://127.0.0.1/chat/press', buttons });
    await told('d1', { closes: { id: 'a1', text: 'Approved' } });
    await told('d2', { text: 'I need a decision', card: card('a1') });
    await told('d3', { text: 'I need another', card: card('a2') });

    const effects = (await journal.outbox.source('chat').next(10, [])).map(({ payload }) => payload);
    const posts = effects.filter((each) => (each as { kind: string }).kind === 'post');
    assert.deepEqual(
      posts.map((each) => (each as { card?: { id: string } }).card?.id),
      [undefined, 'a2'],
    );
    assert.equal(journal.cards.anyOpen(), true);
    await told('d4', { closes: { id: 'a2', text: 'Denied' } });
    assert.equal(journal.cards.anyOpen(), false);
    await journal.stop();
  });
});
