import assert from 'node:assert/strict';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { SOCKET_LINE_LIMIT, SocketReply, type SocketRequest } from '#core/action-socket.ts';
import { createLogger } from '#lib/log.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { ActionServer } from '../../src/agent/actions/action-server.ts';

const ASK = { ask: 'question', task: 't-1', question: { text: 'Which colour?' } } as const;
const REPLY: SocketReply = { kind: 'decided', state: 'answered', by: 'ada', answer: 'teal' };

describe('the socket through which turns ask', () => {
  let dir: TempDir;
  let socketPath: string;
  let server: ActionServer;
  let seen: SocketRequest[];
  /** What the server does with a request. */
  let answer: (request: SocketRequest, signal: AbortSignal) => Promise<SocketReply>;
  const open: Socket[] = [];

  beforeEach(async () => {
    dir = await tempDir('socket');
    socketPath = path.join(dir.path, 'socket');
    seen = [];
    answer = async () => REPLY;
    await mkdir(path.join(dir.path, 'logs')); // where the command is called
    // What a daemon that was killed leaves behind.
    await writeFile(socketPath, '');
    await start();
  });
  afterEach(async () => {
    for (const socket of open.splice(0)) socket.destroy();
    await server.stop();
    await dir[Symbol.asyncDispose]();
  });

  async function start(): Promise<void> {
    server = new ActionServer({
      path: socketPath,
      answer: (request, signal) => {
        seen.push(request);
        return answer(request, signal);
      },
      bodyDir: path.join(dir.path, 'passing'),
      log: createLogger({ name: 'test', level: 'silent' }),
      replyWithinMs: 2000,
    });
    await server.start();
  }
  function peer(): Socket {
    const socket = connect({ path: socketPath });
    socket.on('error', () => undefined);
    open.push(socket);
    return socket;
  }
  async function say(line: string): Promise<SocketReply> {
    const socket = peer();
    socket.write(line);
    return SocketReply.parse(JSON.parse(await text(socket)));
  }
  const cli = (...words: string[]) =>
    new CliCaller(dir.path).start(['action', ...words], { OLYMPUS_ACTION_SOCKET: socketPath });

  it('answers one line with one line, and is open to whoever may enter its folder', async () => {
    assert.deepEqual(await say(`${JSON.stringify(ASK)}\nwhatever comes after it`), REPLY);

    assert.deepEqual(seen, [ASK]);
    assert.equal((await stat(socketPath)).mode & 0o777, 0o666);
  });

  it('lets go of a peer that never closes its side', async () => {
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    open.push(socket);
    socket.write(`${JSON.stringify(ASK)}\n`);

    assert.deepEqual(JSON.parse(await text(socket)), REPLY);

    await server.stop();
    await start();
  });

  it('refuses what it cannot read, with a sentence, and asks nobody', async () => {
    const bad = [
      '\n',
      'hello\n',
      '[]\n',
      '{"ask":"everything"}\n',
      `${JSON.stringify({ ...ASK, task: '../../etc' })}\n`,
      `${JSON.stringify({ ...ASK, also: 'this' })}\n`,
      `${JSON.stringify({ ...ASK, ask: 'approval' })}\n`,
      `${'['.repeat(SOCKET_LINE_LIMIT - 10)}\n`,
      'x'.repeat(SOCKET_LINE_LIMIT + 1),
    ];

    for (const line of bad) assert.equal((await say(line)).kind, 'refused', line.slice(0, 40));
    assert.deepEqual(seen, []);
  });

  it('does not wait for a peer that says nothing, and serves the others meanwhile', async () => {
    const silent = peer();
    const closed = new Promise((resolve) => silent.once('close', resolve));
    silent.resume();
    silent.write('{"ask":');

    assert.deepEqual(await say(`${JSON.stringify(ASK)}\n`), REPLY);
    await closed;
  }).timeout(10_000);

  it('takes so many peers at once and no more', async () => {
    answer = (_request, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    for (let count = 0; count < 32; count += 1) peer().write(`${JSON.stringify(ASK)}\n`);
    await waitFor('all to be served', () => seen.length === 32);

    const refused = peer();
    const closed = new Promise((resolve) => refused.once('close', resolve));
    refused.resume();
    refused.write(`${JSON.stringify(ASK)}\n`);
    await closed;

    assert.equal(seen.length, 32);
  });

  it('reads one file at a time, and lets go of a peer that does not take it', async () => {
    const FILE = `${JSON.stringify({ ask: 'file', digest: `sha256:${'0'.repeat(64)}` })}\n`;
    answer = async (request) =>
      request.ask === 'file' ? { kind: 'file', content: 'A'.repeat(4 * 1024 * 1024) } : REPLY;
    const deaf = peer();
    deaf.pause();
    deaf.write(FILE);
    await waitFor('the first to be served', () => seen.length === 1);
    const second = say(FILE);

    assert.deepEqual(await say(`${JSON.stringify(ASK)}\n`), REPLY, 'others do not wait for it');
    assert.deepEqual(
      seen.map(({ ask }) => ask),
      ['file', 'question'],
    );
    assert.equal((await second).kind, 'file');
  });

  it('takes one bundle at a time', async () => {
    const PUSH = { ask: 'push', task: 't-1', repo: 'acme/web', slug: 'x', summary: 'asked', size: 3 };
    const pushed = `${JSON.stringify(PUSH)}\nabc`;
    const first = Promise.withResolvers<SocketReply>();
    answer = (request) =>
      request.ask === 'push' && seen.length === 1 ? first.promise : Promise.resolve(REPLY);
    const one = say(pushed);
    await waitFor('the first to be taken', () => seen.length === 1);
    const other = say(pushed);

    assert.deepEqual(await say(`${JSON.stringify(ASK)}\n`), REPLY, 'others do not wait for it');
    assert.equal((await readdir(path.join(dir.path, 'passing'))).length, 1);
    first.resolve(REPLY);

    assert.deepEqual(await Promise.all([one, other]), [REPLY, REPLY]);
    assert.deepEqual(
      seen.map(({ ask }) => ask),
      ['push', 'question', 'push'],
    );
  });

  it('stops waiting when its peer goes away', async () => {
    const gone = Promise.withResolvers<void>();
    answer = (_request, signal) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          gone.resolve();
          reject(signal.reason);
        }),
      );
    const socket = peer();
    socket.write(`${JSON.stringify(ASK)}\n`);
    await waitFor('it to be served', () => seen.length === 1);

    socket.destroy();

    await gone.promise;
  });

  it('is asked again by the command when the daemon is started anew', async () => {
    answer = (_request, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const { ended } = cli('ask', 'Which colour?', '--task', 't-1');
    await waitFor('the command to ask', () => seen.length === 1, { timeoutMs: 20_000 });
    await server.stop();
    answer = async () => REPLY;

    await start();

    assert.deepEqual(await ended, { code: 0, stdout: 'teal\n', stderr: '' });
  }).timeout(120_000);

  it('hands in a file that costs the daemon its life three times at most, and nothing that cannot be sent', async () => {
    const bundle = path.join(dir.path, 'bundle');
    await writeFile(bundle, 'commits');
    await writeFile(path.join(dir.path, 'body.md'), '語'.repeat(30_000));
    answer = () => Promise.reject(new Error('dead'));
    const given = ['--task', 't-1', '--repo', 'acme/web', '--why', 'asked'];
    const push = (file: string) => cli('branch-push', ...given, '--slug', 'x', '--bundle', file).ended;
    const body = ['--title', 'A', '--body-file', path.join(dir.path, 'body.md')];

    const dead = await push(bundle);
    const folder = await push(dir.path);
    const long = await cli('issue-create', ...given, ...body).ended;

    assert.deepEqual([dead.code, folder.code, long.code], [1, 2, 2]);
    assert.match(dead.stderr, /went away 3 times while it had/);
    assert.match(folder.stderr, /cannot be read: it is no file/);
    assert.match(long.stderr, /has 9\d{4} bytes in all and may have 65536/);
    assert.equal(seen.length, 3);
  }).timeout(60_000);

  it('makes of every answer an exit code that an agent can tell apart', async () => {
    const approval = ['approval', '--task', 't-1', '--kind', 'a.b', '--target', 'c', '--summary', 'd'];
    const cases: readonly [SocketReply, code: number, said: RegExp][] = [
      [{ kind: 'decided', state: 'approved', by: 'ada', why: 'go' }, 0, /^Approved by ada: go\n$/],
      [{ kind: 'decided', state: 'denied', by: 'ada' }, 3, /^Not approved \(denied\) by ada\n$/],
      [{ kind: 'decided', state: 'expired' }, 3, /nobody decided in time/],
      [{ kind: 'parked' }, 75, /End your turn now/],
    ];

    for (const [reply, code, said] of cases) {
      answer = async () => reply;
      const ended = await cli(...approval).ended;
      assert.equal(ended.code, code, ended.stderr);
      assert.match(ended.stdout, said);
    }
    answer = async () => ({ kind: 'refused', sentence: 'no such task' });
    assert.equal((await cli(...approval, '--json').ended).code, 1);
    const colleague = ['ask', 'Well?', '--task', 't-1', '--agent', '@perseus'];
    answer = async () => ({ kind: 'decided', state: 'unanswered', by: 'perseus', why: 'It is over.' });
    assert.deepEqual(await cli(...colleague).ended, {
      code: 3,
      stdout: 'No answer. It is over.\n',
      stderr: '',
    });
    assert.deepEqual(seen.at(-1), { ask: 'agent', task: 't-1', agent: 'perseus', text: 'Well?' });
    answer = async () => ({ kind: 'refused', sentence: 'Nobody has that name.' });
    assert.match((await cli(...colleague).ended).stderr, /Nothing was done: Nobody has that name\.\s/);
    const both = await cli(...colleague, '--choice', 'yes', '--choice', 'no').ended;
    assert.deepEqual([both.code, /--choice is for people/.test(both.stderr)], [2, true]);
    const wrong = await cli(...approval, '--params', '{').ended;
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--params is not JSON/);
  }).timeout(120_000);
});
