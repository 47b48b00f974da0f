import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createConnection } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { MattermostChat } from '#integrations/mattermost/chat.ts';
import { MattermostRest } from '#integrations/mattermost/rest.ts';
import { choosePort } from '#lab/local/ports.ts';
import { ChatRelay } from '#lab/relay/chat-relay.ts';
import { CHAT_SOCKET, type GateConfig } from '#lab/relay/gate-config.ts';
import { PipeServer } from '#lab/relay/pipe-server.ts';
import { createLogger } from '#lib/log.ts';
import { behindTls, chatOutside, sayAsAda } from '#test/chat-outside.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import type { MattermostStandin } from '../../src/standins/mattermost/server.ts';

const log = createLogger({ name: 'test', level: 'silent' });
const GATES = path.resolve(import.meta.dirname, '../../src/lab/relay/main.ts');
// Mocha's own limit ends a test that hangs.
const { signal } = new AbortController();

describe('the way to a chat server outside of the lab', () => {
  let dir: TempDir;
  let server: MattermostStandin;
  let relay: ChatRelay;
  /** Where a machine of the lab reaches it. */
  let url: string;
  const stops: (() => unknown)[] = [];

  before(async () => {
    server = await chatOutside();
    relay = await relayTo(server.url);
    url = `http://127.0.0.1:${relay.port}`;
  });
  after(async () => {
    await relay?.stop();
    await server?.close();
  });
  beforeEach(async () => {
    dir = await tempDir('chat-relay');
  });
  afterEach(async () => {
    for (const stop of stops.splice(0).toReversed()) await stop();
    await dir[Symbol.asyncDispose]();
  });

  async function relayTo(to: string, silenceTimeoutMs?: number): Promise<ChatRelay> {
    const made = new ChatRelay({
      listen: { host: '127.0.0.1', port: 0 },
      url: to,
      log,
      ...(silenceTimeoutMs === undefined ? {} : { silenceTimeoutMs }),
    });
    await made.start();
    return made;
  }

  async function connected(to: string, heard: string[]): Promise<MattermostChat> {
    const chat = new MattermostChat({
      url: to,
      token: 'token-of-athena',
      pingEveryMs: 200,
      onPosted: ({ post }) => void heard.push(post.message),
      onRevised: () => undefined,
      onReaction: () => undefined,
      onGap: () => undefined,
      log,
    });
    await chat.start();
    stops.push(() => chat.stop());
    await waitFor('the connection', () => chat.health().ready);
    return chat;
  }

  it('has an agent hear what is said there, answer, and bring files of any size', async () => {
    const heard: string[] = [];
    await connected(url, heard);
    const post = await sayAsAda(server.url, '@athena hello');
    await waitFor('the mention', () => heard.includes('@athena hello'));

    const athena = new MattermostRest(url, 'token-of-athena');
    const long = 'a line of a log\n'.repeat(300_000);
    const fileId = await athena.upload(post.channelId, { name: 'log.txt', text: long }, signal);
    const read = await athena.download(fileId, 8 * 2 ** 20, signal);

    assert.equal(Buffer.from(read ?? []).toString(), long);
  });

  it('reaches that server alone, and nothing of it but its API', async () => {
    const refused = [
      '/',
      '/login',
      '/api/v4',
      '/api/v4/../../login',
      '/api/v4/%2e%2e/%2e%2e/login',
      '//example.com/',
      '//',
      '//[/',
    ];
    for (const at of refused) assert.equal(await statusOf(at), 404, at);
    assert.equal(await statusOf('/api/v4/system/ping'), 200);
    assert.equal(await statusOf('http://example.com/api/v4/system/ping'), 200, 'it is asked itself');
  });

  /** What a request line is answered with that no client would send. */
  async function statusOf(target: string): Promise<number> {
    const socket = createConnection({ host: '127.0.0.1', port: relay.port });
    socket.write(`GET ${target} HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\n`);
    return Number((await text(socket)).split(' ')[1]);
  }

  it('calls the server by its own name, as whoever calls, below the path that it lives at', async () => {
    const seen: { url: string; headers: IncomingHttpHeaders }[] = [];
    const company = createServer((request, response) => {
      seen.push({ url: request.url ?? '', headers: request.headers });
      response.writeHead(429, { 'retry-after': '2', 'content-type': 'text/plain' }).end('limit exceeded\n');
    }).listen(0, '127.0.0.1');
    await once(company, 'listening');
    stops.push(() => company.close());
    const { port } = company.address() as AddressInfo;
    const other = await relayTo(`http://localhost:${port}/chat`);
    stops.push(() => other.stop());

    const answer = await fetch(`http://127.0.0.1:${other.port}/api/v4/users/me?a=1`, {
      headers: { authorization: 'Bearer mine', 'x-forwarded-for': '192.0.2.1' },
    });

    assert.equal(answer.status, 429);
    assert.equal(answer.headers.get('retry-after'), '2');
    assert.equal(answer.headers.get('content-type'), 'text/plain');
    assert.equal(await answer.text(), 'limit exceeded\n');
    assert.equal(seen[0]?.url, '/chat/api/v4/users/me?a=1');
    assert.equal(seen[0]?.headers.host, `localhost:${port}`);
    assert.equal(seen[0]?.headers.authorization, 'Bearer mine');
    assert.equal(seen[0]?.headers['x-forwarded-for'], undefined);
  });

  it('says so when the server is away or silent, and goes on when it is back', async () => {
    const first = await chatOutside();
    const port = Number(new URL(first.url).port);
    const other = await relayTo(first.url);
    stops.push(() => other.stop());
    const at = `http://127.0.0.1:${other.port}`;
    const heard: string[] = [];
    const chat = await connected(at, heard);

    await first.close();
    await waitFor('the agent to notice', () => !chat.health().ready);
    const away = await fetch(`${at}/api/v4/system/ping`);
    const again = await chatOutside(port);
    stops.push(() => again.close());

    assert.equal(away.status, 502);
    assert.match(
      await away.text(),
      /^\{"id":"lab\.relay","message":"The chat server at .* \(ECONNREFUSED\)\./,
    );
    await waitFor('the agent to be back', () => chat.health().ready);

    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    stops.push(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const third = await relayTo(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`, 200);
    stops.push(() => third.stop());
    const answer = await fetch(`http://127.0.0.1:${third.port}/api/v4/system/ping`);
    assert.match(await answer.text(), /it said nothing for too long/);
  });

  it('goes through the gates of a lab, and by TLS where the authority is the company’s own', async () => {
    const tls = await behindTls(server.url, dir.path);
    stops.push(() => tls.server.close());
    const port = await choosePort(0);
    const config: GateConfig = {
      model: { address: '127.0.0.1', port },
      chat: { listen: { address: '127.0.0.1', port }, url: tls.url },
      doors: [],
      keysFile: 'keys',
    };
    writeFileSync(path.join(dir.path, 'gates.json'), JSON.stringify(config));
    const machine = spawn(process.execPath, [GATES, 'machine'], {
      cwd: dir.path,
      env: { OPENAI_API_KEY: 'k', NODE_EXTRA_CA_CERTS: tls.caFile },
      stdio: 'ignore',
    });
    stops.push(() => machine.kill());
    const gate = new PipeServer({
      name: 'chat',
      listen: { host: '127.0.0.1', port },
      connect: { path: path.join(dir.path, CHAT_SOCKET) },
      log,
    });
    await gate.start();
    stops.push(() => gate.stop());
    const at = `http://127.0.0.1:${port}`;

    await waitFor('the gate', async () => (await fetch(`${at}/api/v4/system/ping`)).ok);
    const heard: string[] = [];
    await connected(at, heard);
    await sayAsAda(server.url, '@athena by TLS');

    await waitFor('the mention', () => heard.includes('@athena by TLS'));
  });
});
