import assert from 'node:assert/strict';
import { Delivery } from '#core/messages/delivery.ts';
import { MattermostChat } from '#integrations/mattermost/chat.ts';
import { hasAttachments, marksOf, type Post } from '#integrations/mattermost/posts.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { ControlSurface } from '#test/control-surface.ts';
import { Person } from '#test/person.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { deliveryHandler } from '../../src/agent/parts/deliveries.ts';
import { chatSender } from '../../src/agent/parts/send-chat.ts';
import { createMattermostStandin } from '../../src/standins/mattermost/server.ts';

const SEED = {
  team: { name: 'olympus' },
  users: [{ username: 'human', token: 'human-token' }],
  bots: [
    { username: 'athena', token: 'athena-token' },
    { username: 'apollo', token: 'apollo-token' },
  ],
  channels: [],
};
// Mocha's own limit ends a test that hangs; a time-out made here would run from the loading of this file.
const { signal } = new AbortController();
const log = createLogger({ name: 'test', level: 'silent' });
const none = (): void => undefined;

describe('what an agent sends to chat', () => {
  let dir: TempDir;
  let standin: Awaited<ReturnType<typeof createMattermostStandin>>;
  let chat: MattermostChat;
  let journal: Journal;
  let human: Person;
  let channelId: string;

  before(async () => {
    dir = await tempDir('send-chat');
    standin = await createMattermostStandin({ seed: SEED });
    chat = new MattermostChat({
      url: standin.url,
      token: 'athena-token',
      onPosted: none,
      onReaction: none,
      onRevised: none,
      onGap: none,
      log,
    });
    human = await Person.connect(standin.url, 'human-token');
    journal = new Journal({ stateDir: dir.path, clock: systemClock });
    channelId = standin.seeded?.channels['town-square'] ?? '';
  });
  after(async () => {
    await journal?.stop();
    await standin?.close();
    await dir?.[Symbol.asyncDispose]();
  });

  const senders = new Map<MattermostChat, ReturnType<typeof chatSender>>();
  /** Sends all of the chat lane, as the relay does. */
  async function sendAll(as = chat): Promise<void> {
    const source = journal.outbox.source('chat');
    const send = senders.get(as) ?? chatSender(as, journal.outbox, log);
    senders.set(as, send);
    for (let [entry] = await source.next(1, []); entry; [entry] = await source.next(1, [])) {
      await source.begin([entry.id]);
      await send(entry, signal);
      await source.done([entry.id]);
    }
  }

  function say(rootId: string, message: string, marker = message) {
    return chat.rest.post({ channelId, rootId, message, marks: { marker, depth: 0 } }, signal);
  }

  async function emojiOn(postId: string): Promise<string[]> {
    return (await chat.rest.reactions(postId, signal)).map((reaction) => reaction.emoji_name);
  }

  it('puts no check mark over an answer that the server refused for good', async () => {
    const asked = await say('', 'question');
    const sign = (of: string) =>
      ({ kind: 'react', postId: asked.id, emoji: 'white_check_mark', unless: { of, emoji: 'x' } }) as const;
    const nowhere = {
      kind: 'post',
      channelId: 'a'.repeat(26),
      rootId: '',
      message: 'lost',
      marker: 'm',
      depth: 0,
    };
    journal.outbox.addChat('delivery:1:post:0', { ...nowhere, kind: 'post' });
    journal.outbox.addChat('delivery:1:state', sign('delivery:1:post:'));
    await sendAll();
    assert.deepEqual(await emojiOn(asked.id), ['x']);

    journal.outbox.addChat('delivery:2:post:0', { ...nowhere, kind: 'post', channelId, marker: 'm2' });
    journal.outbox.addChat('delivery:2:state', sign('delivery:2:post:'));
    await sendAll();
    assert.ok((await emojiOn(asked.id)).includes('white_check_mark'));
  });

  it('posts a card with its buttons, and takes them off again, however often it is told', async () => {
    const asked = await say('', 'may I?');
    const there = { channelId, rootId: asked.id, marker: 'card-a1', depth: 1 };
    const press = { mac: 'secret' };
    const buttons = [{ name: 'Approve', style: 'primary' as const, press }];
    const card = { id: 'a1', url: 'http://127.0.0.1:1/chat/press', buttons };
    journal.outbox.addChat('delivery:3:post:0', {
      kind: 'post',
      message: 'I need a decision',
      ...there,
      card,
    });
    await sendAll();
    const replies = async (): Promise<Post[]> => (await chat.rest.thread(asked.id, signal)).slice(1);
    const [shown] = await replies();
    assert.ok(shown && hasAttachments(shown));
    assert.doesNotMatch(JSON.stringify(shown), /secret/);

    for (const key of ['delivery:4:card', 'delivery:5:card']) {
      journal.outbox.addChat(key, { kind: 'close-card', message: 'Approved by ada', ...there });
      await sendAll();
    }

    const [closed, ...others] = await replies();
    assert.deepEqual(others, []);
    assert.ok(closed && closed.id === shown.id && !hasAttachments(closed));
    assert.equal(closed.message, 'Approved by ada');
    assert.deepEqual(marksOf(closed), { marker: 'card-a1', depth: 1 }, 'it is found again');
  });

  it('closes a card in a direct message, which has no thread', async () => {
    const direct = await human.call('POST', '/channels/direct', [
      human.userId,
      (await chat.rest.me(signal)).id,
    ]);
    const there = { channelId: String(direct.body['id']), rootId: '', marker: 'card-d1', depth: 0 };
    const buttons = [{ name: 'Approve', style: 'primary' as const, press: {} }];
    const card = { id: 'd1', url: 'http://127.0.0.1:1/chat/press', buttons };
    journal.outbox.addChat('delivery:10:post:0', { kind: 'post', message: 'may I?', ...there, card });
    journal.outbox.addChat('delivery:11:card', { kind: 'close-card', message: 'Denied by ada', ...there });

    await sendAll();

    const posts = await chat.rest.newestPosts(there.channelId, 5, signal);
    assert.deepEqual(
      posts.map((post) => [post.message, hasAttachments(post)]),
      [['Denied by ada', false]],
    );
  });

  it('closes no card but its own, and none that is gone', async () => {
    const asked = await say('', 'who is this?');
    const claimed = await say(asked.id, 'I am the card', 'card-b1');
    const stranger = new MattermostChat({
      ...{ url: standin.url, token: 'apollo-token', log },
      ...{ onPosted: none, onReaction: none, onRevised: none, onGap: none },
    });
    const close = { kind: 'close-card' as const, channelId, rootId: asked.id, depth: 0, message: 'closed' };
    journal.outbox.addChat('delivery:6:card', { ...close, marker: 'card-b2' });
    await sendAll();
    journal.outbox.addChat('delivery:7:card', { ...close, marker: 'card-b1' });
    await sendAll(stranger);

    const posts = await chat.rest.thread(asked.id, signal);
    assert.equal(posts.find(({ id }) => id === claimed.id)?.message, 'I am the card');
    for (const key of ['delivery:6:', 'delivery:7:']) assert.ok(journal.outbox.anyRefused(key), key);
  });

  describe('a text of more than four posts', () => {
    const text = `It begins here.\n\n${'a line of it\n'.repeat(6000)}and ends there 🦉`;
    let count = 0;
    /** What is in the thread once control has had it said, twice, with something in the way of it the first time. */
    async function told(fault?: object): Promise<{ asked: Post; replies: Post[] }> {
      const deliveryId = `long-${++count}`;
      const asked = await say('', `tell me ${deliveryId}`);
      if (fault)
        await new ControlSurface(standin.adminUrl).post('faults', { count: 1, method: 'POST', ...fault });
      const handle = deliveryHandler({
        ...{ agent: 'athena', journal, log, lease: { held: true } },
        ...{ onAdded: none, onDecided: none },
      });
      const conversation = {
        ...{ id: `mm-${asked.id}`, surface: 'mattermost' as const, channelId, rootId: asked.id },
        postId: asked.id,
      };
      const data = { deliveryId, agent: 'athena', conversation, taskId: 't-1', text, depth: 1 };
      const head = { id: deliveryId, source: '/test', subject: 's', time: new Date().toISOString() };
      const body = Buffer.from(JSON.stringify(Delivery.create(head, { ...data, state: 'completed' })));
      const message: BusMessage = {
        ...{ stream: 'D', seq: 1, subject: 's', msgId: undefined, storedAt: 0, deliveryCount: 1, body },
        ...{ ack: async () => undefined, working: none, later: none, term: none },
      };
      await handle(message);
      await handle(message);
      for (let attempt = 0; journal.outbox.pending('chat') > 0 && attempt < 5; attempt++) {
        // The relay tries again what failed; here at once.
        await sendAll().catch(() => undefined);
      }
      return { asked, replies: (await chat.rest.thread(asked.id, signal)).slice(1) };
    }
    it('is posted as its beginning with a file that has all of it', async () => {
      const { replies } = await told();

      assert.equal(replies.length, 1);
      const [post] = replies;
      assert.ok(post);
      assert.match(post.message, /^It begins here\.\n\na line of it/);
      assert.match(post.message, /\(This is the beginning; all \d+ characters are in the file\.\)$/);
      assert.ok(post.message.length < 3_200);
      assert.equal(await human.file(post), text);
    });

    for (const [what, fault] of [
      ['the answer to the file is lost', { kind: 'answer-lost', pathPattern: '/files$' }],
      ['the answer to the post is lost', { kind: 'answer-lost', pathPattern: '/posts$' }],
      ['the post is refused for now', { kind: 'fail-next', status: 500, pathPattern: '/posts$' }],
    ] as const) {
      it(`is there once, with its file, also where ${what}`, async () => {
        const { replies } = await told(fault);

        assert.equal(replies.length, 1);
        assert.equal(await human.file(replies[0] ?? assert.fail('nothing was posted')), text);
      });
    }

    it('is brought once, however often its post is refused for now', async () => {
      const uploads = async (): Promise<number> => {
        type Seen = { requests: { method: string; path: string }[] };
        const { requests } = await new ControlSurface(standin.adminUrl).get<Seen>('requests');
        return requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/files')).length;
      };
      const before = await uploads();

      const { replies } = await told({ kind: 'fail-next', status: 500, count: 3, pathPattern: '/posts$' });

      assert.equal(await human.file(replies[0] ?? assert.fail('nothing was posted')), text);
      assert.deepEqual([replies.length, (await uploads()) - before], [1, 1]);
    });

    it('is only its beginning where the files cannot be kept five times, and nothing waits any longer', async () => {
      const { replies } = await told({ kind: 'fail-next', status: 500, count: 5, pathPattern: '/files$' });

      assert.equal(replies.length, 1);
      assert.match(replies[0]?.message ?? '', /they could not be put here as a file/);
    });

    it('is only its beginning on a server that takes no files, which it says, and nothing waits for it', async () => {
      const { asked, replies } = await told({ kind: 'fail-next', status: 501, pathPattern: '/files$' });

      assert.equal(replies.length, 1);
      assert.match(
        replies[0]?.message ?? '',
        /\(This is the beginning of \d+ characters; they could not be put here as a file\. The whole of it: `olympus task show t-1`\.\)$/,
      );
      assert.ok((await emojiOn(asked.id)).includes('white_check_mark'));
    });
  });

  it('leaves out what a newer release has written, and goes on with what comes after it', async () => {
    journal.outbox.addChat('delivery:8:dance', { kind: 'dance' } as never);
    const after = {
      kind: 'post' as const,
      channelId,
      rootId: '',
      message: 'after that',
      marker: 'm8',
      depth: 0,
    };
    journal.outbox.addChat('delivery:9:post:0', after);

    await sendAll();

    assert.equal(journal.outbox.pending('chat'), 0);
    assert.ok(journal.outbox.anyRefused('delivery:8:'), 'the reason stays readable');
    const posts = await chat.rest.newestPosts(channelId, 5, signal);
    assert.equal(posts.at(-1)?.message, 'after that');
  });

  it('finds its own post again in a thread of more than one page', async () => {
    const root = await say('', 'long thread');
    const replies: { message: string }[] = [];
    for (let index = 0; index < 230; index++) replies.push(await say(root.id, `reply ${index}`));

    const posts = await chat.rest.thread(root.id, signal);

    // By time; two posts of the same millisecond have no order of their own.
    assert.deepEqual(
      new Set(posts.map(({ message }) => message)),
      new Set([root, ...replies].map(({ message }) => message)),
    );
    assert.deepEqual(
      posts,
      posts.toSorted((a, b) => a.create_at - b.create_at),
    );
    assert.equal(posts.length, 231);
  });
});
