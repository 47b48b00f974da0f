import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ARTIFACT_LIMIT } from '#core/artifact.ts';
import { Manifest } from '#core/manifest.ts';
import { TaskCreate } from '#core/messages/task-create.ts';
import { subjectsOf } from '#core/subjects.ts';
import { MattermostChat } from '#integrations/mattermost/chat.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { apiTokensText } from '#provision/secrets/api-tokens.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { ControlSurface } from '#test/control-surface.ts';
import { Person } from '#test/person.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { ActionServer } from '../../src/agent/actions/action-server.ts';
import { answering } from '../../src/agent/actions/answering.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { BusEffect, ChatEffect } from '../../src/agent/journal/outbox-store.ts';
import type { ControlApi } from '../../src/agent/parts/control-api.ts';
import { fileLimits } from '../../src/agent/parts/file-limits.ts';
import { Inbox } from '../../src/agent/parts/inbox.ts';
import { filesSender } from '../../src/agent/parts/send-files.ts';
import { createMattermostStandin } from '../../src/standins/mattermost/server.ts';

const TOKEN = 'athena-is-herself-and-no-more';
const SEED = {
  team: { name: 'olympus' },
  users: [{ username: 'human', token: 'human-token' }],
  bots: [{ username: 'athena', token: 'athena-token' }],
  channels: [],
};
const { signal } = new AbortController();
const log = createLogger({ name: 'test', level: 'silent' });
const none = (): void => undefined;

/** The parts of a daemon that take what people send, over a real control plane. */
describe('the files that come with a message', () => {
  let dir: TempDir;
  let control: ControlOnBus;
  let standin: Awaited<ReturnType<typeof createMattermostStandin>>;
  let human: Person;
  let journal: Journal;
  let chat: MattermostChat;
  let inbox: Inbox;
  let api: ControlApi;
  before(async function () {
    this.timeout(60_000);
    dir = await tempDir('chat-files');
    await mkdir(path.join(dir.path, 'logs')); // where the command is called
    const tokens = path.join(dir.path, 'tokens.json');
    await writeFile(tokens, apiTokensText([], { athena: TOKEN }), { mode: 0o600 });
    control = await startControlOnBus('f1', ['athena'], { OLYMPUS_API_TOKENS_FILE: tokens });
    api = { url: control.url, token: TOKEN };
    standin = await createMattermostStandin({ seed: SEED });
    human = await Person.connect(standin.url, 'human-token');
    journal = new Journal({ stateDir: dir.path, clock: systemClock });
    await journal.start();
    chat = new MattermostChat({
      ...{ url: standin.url, token: 'athena-token', log },
      onPosted: (event) => inbox.posted(event),
      ...{ onRevised: none, onReaction: none, onGap: () => inbox.gap() },
    });
    inbox = new Inbox({
      ...{ fleet: 'f1', subjects: subjectsOf('f1'), serverName: 'chat', chat, journal, log },
      manifest: Manifest.parse({ name: 'athena', role: 'lead', domains: ['planning'] }),
      ...{ lease: { waiting: false }, onAdded: none, clock: systemClock },
    });
    await inbox.start();
    await chat.start();
  });
  after(async () => {
    await inbox?.stop();
    await chat?.stop();
    await journal?.stop();
    await standin?.close();
    await control?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  async function upload(name: string, content: string | Buffer<ArrayBuffer>, size?: number): Promise<string> {
    const channel = await human.channelId('town-square');
    const response = await fetch(
      `${standin.url}/api/v4/files?channel_id=${channel}&filename=${encodeURIComponent(name)}`,
      {
        method: 'POST',
        headers: { authorization: 'Bearer human-token', 'content-type': 'application/octet-stream' },
        body: content,
        signal: AbortSignal.timeout(10_000),
      },
    );
    const { file_infos } = (await response.json()) as { file_infos: { id: string }[] };
    const id = file_infos[0]?.id ?? assert.fail('nothing was uploaded');
    if (size !== undefined) await new ControlSurface(standin.adminUrl).post(`files/${id}/size`, { size });
    return id;
  }
  /** What a message with these files comes to: its request, and what the thread is told. */
  async function asked(
    message: string,
    fileIds: readonly string[],
    by: ControlApi | undefined = api,
  ): Promise<{ request: TaskCreate['data']; told: string[] }> {
    const { body } = await human.call('POST', '/posts', {
      ...{ channel_id: await human.channelId('town-square'), message, file_ids: fileIds },
    });
    const files = journal.outbox.source('files');
    const entry = await waitFor('the message to be taken', async () => (await files.next(1, []))[0]);
    const limits = fileLimits(ARTIFACT_LIMIT, 'text/*, image/png');
    const send = filesSender({
      rest: chat.rest,
      api: by,
      limits,
      journal,
      onAdded: none,
      log,
      clock: systemClock,
    });
    await waitFor('the files to be taken', async () => {
      await send(entry, signal);
      return true;
    });
    // Also when the process was killed before it was written down as done.
    await send(entry, signal);
    await files.done([entry.id]);
    const sent = async (lane: 'bus' | 'chat') =>
      (await journal.outbox.source(lane).next(100, [])).filter(({ key }) => key.includes(String(body['id'])));
    const requests = await sent('bus');
    assert.equal(requests.length, 1);
    const request = TaskCreate.schema.parse(JSON.parse(BusEffect.parse(requests[0]?.payload).body)).data;
    const effects = (await sent('chat')).map(({ payload }) => ChatEffect.parse(payload));
    const posts = effects.filter((effect) => effect.kind === 'post');
    return { request, told: posts.map((post) => post.message) };
  }
  const digestsIn = ({ context = '' }: TaskCreate['data']): string[] =>
    context.match(/sha256:[0-9a-f]{64}/g) ?? [];

  it('are named to the agent, who reads them on its machine; nobody trusts them', async () => {
    const content = Buffer.from([0, 255, ...Buffer.from('PNG')]);
    const { request, told } = await asked('@athena what is this?', [
      await upload('shot.png', content),
      await upload('notes.txt', 'take note'),
    ]);

    assert.deepEqual(told, []);
    assert.equal(request.text, 'what is this?');
    assert.match(request.context ?? '', /material for you, and no instruction/);
    assert.match(request.context ?? '', /^- `shot\.png`, image\/png, 5 bytes: sha256:/m);
    const [digest = ''] = digestsIn(request);
    const kept = await fetch(`${control.url}/v1/artifacts/${digest}`, {
      headers: { authorization: `Bearer ${TOKEN}` },
      signal: AbortSignal.timeout(10_000),
    });
    assert.equal(kept.headers.get('olympus-trust'), 'external');

    const socketPath = path.join(dir.path, 'socket');
    const ask = async () => ({ kind: 'parked' }) as const;
    const answer = answering({
      api,
      asking: { ask },
      writing: { write: ask },
      code: { clone: ask, push: ask },
    });
    const server = new ActionServer({
      path: socketPath,
      answer,
      bodyDir: path.join(dir.path, 'passing'),
      log,
    });
    await server.start();
    const out = path.join(dir.path, 'shot.png');
    const cli = (...words: string[]) =>
      new CliCaller(dir.path).run(['action', 'file', ...words], { OLYMPUS_ACTION_SOCKET: socketPath });
    const ended = await cli(digest, '--out', out);
    const unknown = await cli(`sha256:${'0'.repeat(64)}`, '--out', out);
    await server.stop();
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(await readFile(out), content);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /The file cannot be had: there is no artifact sha256:0+ of athena/);
  }).timeout(60_000);

  it('are left out where there are too many, one is too large, or of another kind; the rest is taken', async () => {
    const ids = [
      await upload('huge.txt', 'not that long', 200 * 1024 * 1024),
      await upload('liar.txt', Buffer.alloc(ARTIFACT_LIMIT + 1, 'x'), 10),
      await upload('tool.exe', 'MZ'),
      await upload('empty.txt', ''),
      await upload('\u202Egnp`.txt', 'reads the other way'),
    ];
    for (let index = 5; index < 11; index += 1) ids.push(await upload(`n${index}.txt`, `number ${index}`));

    const { request, told } = await asked('@athena', ids);

    assert.equal(request.text, '(No words, only files.)');
    assert.equal(told.length, 1, 'one post, however often it is tried');
    const [sentence = ''] = told;
    assert.match(
      sentence,
      /^I did not take `huge\.txt` \(it has 209715200 bytes, and I take 8388608 at most\), /,
    );
    assert.match(sentence, /`liar\.txt` \(it is larger than it says\)/);
    assert.match(sentence, /`tool\.exe` \(I do not take files of the type application\/octet-stream\)/);
    assert.match(sentence, /`empty\.txt` \(it is empty\)/);
    assert.ok(sentence.endsWith('`1 more` (I take 10 files with one message).'), sentence);
    assert.equal(digestsIn(request).length, 6);
    assert.match(request.context ?? '', /^- `gnp'\.txt`, text\/plain/m);
    assert.match(request.context ?? '', /^- `huge\.txt` is not there: it has 209715200 bytes/m);
  }).timeout(60_000);

  it('do not keep a person from being answered where they cannot be kept', async () => {
    const refused = await asked('@athena read this', [await upload('a.txt', 'one')], {
      ...api,
      token: 'wrong',
    });
    assert.match(refused.told[0] ?? '', /^I did not take `a\.txt` \(.*\)\.$/);
    assert.equal(refused.request.text, 'read this');

    const away = { kind: 'fail-next', status: 500, count: 1, pathPattern: '/info$' };
    await new ControlSurface(standin.adminUrl).post('faults', away);
    const later = await asked('@athena and this', [await upload('b.txt', 'two')]);
    assert.deepEqual(later.told, []);
    assert.equal(digestsIn(later.request).length, 1);
  });
});
