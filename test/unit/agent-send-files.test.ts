import assert from 'node:assert/strict';
import type { Conversation } from '#core/conversation.ts';
import { OlympusError } from '#core/errors.ts';
import { TaskCreate } from '#core/messages/task-create.ts';
import { TaskRevise } from '#core/messages/task-revise.ts';
import { subjectsOf } from '#core/subjects.ts';
import { FileInfo, Post, User } from '#integrations/mattermost/posts.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import type { OutboxEntry } from '#lib/relay.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { BusEffect, ChatEffect, type Lane } from '../../src/agent/journal/outbox-store.ts';
import { fileLimits } from '../../src/agent/parts/file-limits.ts';
import { recordRequest, recordRevision } from '../../src/agent/parts/requests.ts';
import { type FilesOptions, filesSender } from '../../src/agent/parts/send-files.ts';

const { signal } = new AbortController();
const log = createLogger({ name: 'test', level: 'silent' });
const none = (): void => undefined;
const ADA = User.parse({ id: 'u1', username: 'ada' });

describe('a request that waits for its files', () => {
  let dir: TempDir;
  let journal: Journal;
  beforeEach(async () => {
    dir = await tempDir('send-files');
    journal = new Journal({ stateDir: dir.path, clock: systemClock });
    await journal.start();
  });
  afterEach(async () => {
    await journal.stop();
    await dir[Symbol.asyncDispose]();
  });
  const surroundings = () => ({
    ...{ fleet: 'f1', manifest: { name: 'athena' }, subjects: subjectsOf('f1'), serverName: 'chat' },
    ...{ journal, clock: systemClock },
  });

  function postOf(id: string, message: string, fileIds: readonly string[], rootId = 'root'): Post {
    return Post.parse({
      ...{ id, create_at: 1, user_id: 'u1', channel_id: 'c1', message, root_id: rootId },
      file_ids: [...fileIds],
    });
  }
  async function ask(post: Post, author = ADA): Promise<void> {
    const conversation: Conversation = {
      ...{ id: `mm-${post.root_id}`, surface: 'mattermost', channelId: 'c1', rootId: post.root_id },
      postId: post.id,
    };
    await recordRequest(surroundings(), {
      ...{ post, target: 'athena', conversation, channel: 'town', author, depth: 0, context: undefined },
    });
  }
  const waiting = async (lane: Lane): Promise<readonly OutboxEntry[]> =>
    journal.outbox.source(lane).next(100, []);
  const keys = async (lane: Lane): Promise<string[]> => (await waiting(lane)).map(({ key }) => key);
  const bodyOf = ({ payload }: OutboxEntry): unknown => JSON.parse(BusEffect.parse(payload).body);
  /** The sender over a chat server that says this of files; nothing is empty or of the wrong kind but what is called so. */
  function sender(
    fileInfo: (id: string, within: AbortSignal) => Promise<FileInfo>,
    more: Partial<FilesOptions> = {},
  ): ReturnType<typeof filesSender> {
    return filesSender({
      rest: { fileInfo, download: () => assert.fail('nothing is to be read') },
      ...{
        api: undefined,
        limits: fileLimits(100, 'text/*'),
        journal,
        onAdded: none,
        log,
        clock: systemClock,
      },
      ...more,
    });
  }
  const empty = (id: string): FileInfo => FileInfo.parse({ id, name: id, size: 0, mime_type: 'text/plain' });
  const away = (): never => {
    throw new OlympusError('chat_unavailable', 'the server is away');
  };
  const first = async (): Promise<OutboxEntry> => (await waiting('files'))[0] ?? assert.fail('nothing waits');

  it('is come back to when a round takes too long, and what was taken is kept', async () => {
    await ask(postOf('p1', 'look', ['a', 'b', 'c']));
    const asked: string[] = [];
    let isSlow = true;
    const send = sender(
      async (id, within) => {
        asked.push(id);
        within.throwIfAborted();
        if (id !== 'b' || !isSlow) return empty(id);
        return new Promise((_, reject) =>
          within.addEventListener('abort', () => reject(within.reason), { once: true }),
        );
      },
      { roundMs: 50 },
    );
    const entry = await first();
    await assert.rejects(
      send(entry, signal),
      /2 of 3 files of a message cannot be had: this attempt did not finish within 50 ms/,
    );
    assert.deepEqual(await waiting('bus'), []);

    isSlow = false;
    await send(entry, signal);

    assert.deepEqual(asked, ['a', 'b', 'c', 'b'], 'what was not tried goes first');
    assert.equal((await waiting('bus')).length, 1);
  });

  it('goes without them two minutes after its message, however often they were tried', async () => {
    await ask(postOf('p1', 'look', ['a', 'b']));
    let now = Date.now();
    const send = sender(async (id) => (id === 'a' ? away() : empty(id)), {
      clock: { ...systemClock, now: () => now },
    });
    const entry = { ...(await first()), attempts: 500 };
    await assert.rejects(send(entry, signal), /1 of 2 files of a message cannot be had: the server is away/);

    now += 120_000;
    await send({ ...entry, attempts: 1 }, signal);

    const [request] = await waiting('bus');
    const { context } = TaskCreate.schema.parse(bodyOf(request ?? assert.fail('nothing was sent'))).data;
    assert.match(
      context ?? '',
      /- `a` is not there: it could not be fetched\n- `b` is not there: it is empty/,
    );
    const posts = (await waiting('chat')).map(({ payload }) => ChatEffect.parse(payload));
    assert.equal(posts.filter(({ kind }) => kind === 'post').length, 1);
  });

  it('is left out when a newer release has written it, and holds back nobody', async () => {
    journal.outbox.addFiles('files:request:p0:athena', { later: true } as never);

    await sender(away)(await first(), signal);

    assert.deepEqual(await waiting('files'), []);
    assert.ok(journal.outbox.anyRefused('files:request:p0:'), 'the reason stays readable');
  });

  it('is overtaken by nothing of its conversation: no later request, no edit, no deletion', async () => {
    await ask(postOf('p1', 'look', ['a']));
    await ask(postOf('p2', 'and then this', []));
    await ask(postOf('p3', 'somewhere else', [], 'other'));
    await recordRevision(surroundings(), postOf('p1', '', [], 'root'), 'deleted');
    assert.deepEqual(await keys('bus'), ['request:p3:athena']);
    const lane = await waiting('files');
    assert.deepEqual(
      lane.map(({ key }) => key),
      ['files:request:p1:athena', 'files:request:p2:athena', 'files:request:p1:athena#deleted'],
    );

    const send = sender(async (id) => empty(id));
    for (const entry of lane) await send(entry, signal);

    const [, p1, p2, gone] = await waiting('bus');
    assert.ok(p1 && p2 && gone);
    assert.match(TaskCreate.schema.parse(bodyOf(p1)).data.context ?? '', /- `a` is not there/);
    const second = TaskCreate.schema.parse(bodyOf(p2)).data;
    assert.deepEqual([second.text, second.context], ['and then this', undefined]);
    assert.equal(gone.key, 'request:p1:athena#deleted');
    assert.equal(TaskRevise.schema.parse(bodyOf(gone)).data.text, undefined);

    await journal.outbox.source('files').done(lane.map(({ id }) => id));
    await ask(postOf('p4', 'nothing waits any more', []));
    assert.ok((await keys('bus')).includes('request:p4:athena'));
  });

  it('is only that of a member: of others no file is kept, which the agent is told', async () => {
    for (const [id, more] of [
      ['p1', { roles: 'system_guest' }],
      ['p2', { delete_at: 1 }],
      ['p3', { is_bot: true }],
    ] as const)
      await ask(postOf(id, 'take this', ['a']), User.parse({ ...ADA, ...more }));

    assert.deepEqual(await waiting('files'), []);
    const requests = await waiting('bus');
    assert.equal(requests.length, 3);
    for (const request of requests)
      assert.match(TaskCreate.schema.parse(bodyOf(request)).data.context ?? '', /and were not taken/);
  });

  it('is not ended by an edit that leaves only its files', async () => {
    const post = postOf('p1', 'look', ['a']);
    await ask(post);
    await recordRevision(surroundings(), { ...post, message: '@athena', edit_at: 5 }, 'edited');
    for (const entry of await waiting('files')) await sender(async (id) => empty(id))(entry, signal);

    const edit = (await waiting('bus')).find(({ key }) => key.endsWith('#5')) ?? assert.fail('no edit');

    assert.equal(TaskRevise.schema.parse(bodyOf(edit)).data.text, '(No words, only files.)');
  });
});
