import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { startProgram } from '#test/program.ts';
import { waitFor } from '#test/wait.ts';
import {
  createMattermostStandin,
  type MattermostStandin,
  type StandinOptions,
} from '../../src/standins/mattermost/server.ts';

const SEED = {
  team: { name: 'olympus' },
  users: [
    { username: 'admin', roles: 'system_admin system_user', token: 'token-of-admin', password: 'secret' },
    { username: 'human', token: 'token-of-human' },
  ],
  bots: [{ username: 'zeus', token: 'token-of-zeus' }],
  channels: [
    { name: 'agents', displayName: 'Agents' },
    { name: 'ops', type: 'P', members: ['admin'] },
  ],
};

describe('Mattermost stand-in', () => {
  let standin: MattermostStandin;

  afterEach(() => standin.close());

  describe('an event socket', () => {
    it('is closed without a reason when it does not authenticate in time', async () => {
      await start({ authenticationTimeoutMs: 20 });
      const socket = connect();
      socket.on('open', () => socket.send(JSON.stringify({ seq: 1, action: 'ping' })));
      const heard: unknown[] = [];
      socket.on('message', (data) => heard.push(data));

      const [code, reason] = await once(socket, 'close');

      assert.deepEqual([code, String(reason)], [1006, '']);
      assert.deepEqual(heard, []);
    });

    it('is closed at once by a wrong token in the challenge, and accepted with a wrong one in the header', async () => {
      await start();
      const socket = connect('no-such-token');
      await once(socket, 'open');

      socket.send(
        JSON.stringify({ seq: 1, action: 'authentication_challenge', data: { token: 'no-such-token' } }),
      );

      assert.equal((await once(socket, 'close'))[0], 1006);
    });

    it('is closed with 1009 by a frame over 8 KiB', async () => {
      await start();
      const socket = connect('token-of-zeus');
      await once(socket, 'open');

      socket.send(JSON.stringify({ seq: 1, action: 'ping', data: { text: 'x'.repeat(9000) } }));

      assert.equal((await once(socket, 'close'))[0], 1009);
    });

    it('gets protocol pings', async () => {
      await start({ pingEveryMs: 10 });
      const socket = connect('token-of-zeus');

      await once(socket, 'ping');
      socket.terminate();
    });

    it('never hears its own typing, but that of others', async () => {
      await start();
      const [zeus, human] = [listen('token-of-zeus'), listen('token-of-human')];
      await waitFor('both hellos', () => zeus.events.includes('hello') && human.events.includes('hello'));

      await api('zeus', 'POST', '/users/me/typing', { channel_id: standin.seeded?.channels['agents'] });
      await api('zeus', 'POST', '/posts', { channel_id: standin.seeded?.channels['agents'], message: 'x' });
      await waitFor('both posts', () => zeus.events.includes('posted') && human.events.includes('posted'));

      assert.equal(human.events.filter((event) => event === 'typing').length, 1);
      assert.ok(!zeus.events.includes('typing'));
      zeus.socket.terminate();
      human.socket.terminate();
    });

    it('hears nothing of channels its user is not in', async () => {
      await start();
      const zeus = listen('token-of-zeus');
      await waitFor('the hello', () => zeus.events.includes('hello'));

      await api('admin', 'POST', '/posts', { channel_id: standin.seeded?.channels['ops'], message: '@zeus' });
      await api('admin', 'POST', '/posts', { channel_id: standin.seeded?.channels['agents'], message: 'x' });
      await waitFor('the post of its own channel', () => zeus.events.includes('posted'));

      assert.equal(zeus.events.filter((event) => event === 'posted').length, 1);
      zeus.socket.terminate();
    });
  });

  describe('its own surface', () => {
    it('seeds the same world twice and gives the same ids and tokens', async () => {
      await start();

      const again = await admin('POST', '/standin/seed', SEED);

      assert.deepEqual(again.body, standin.seeded);
      assert.equal(standin.seeded?.users['zeus']?.token, 'token-of-zeus');
    });

    it('says what is wrong with a seed or a fault', async () => {
      await start();

      assert.equal((await admin('POST', '/standin/seed', {})).status, 400);
      assert.equal((await admin('POST', '/standin/faults', { kind: 'no-such' })).status, 400);
      assert.equal((await admin('POST', '/standin/faults', { kind: 'hold', pathPattern: '(' })).status, 400);
    });

    it('is not part of the API, nor the API of it', async () => {
      await start();

      assert.equal((await fetch(`${standin.url}/standin/state`)).status, 404);
      assert.equal((await fetch(`${standin.adminUrl}/api/v4/system/ping`)).status, 404);
    });
  });

  it('lets people log in for a token in a header, and takes none out of the query', async () => {
    await start();
    const login = await fetch(`${standin.url}/api/v4/users/login`, {
      method: 'POST',
      body: JSON.stringify({ login_id: 'admin', password: 'secret' }),
    });
    const token = login.headers.get('token') ?? '';

    const inHeader = await fetch(`${standin.url}/api/v4/users/me`, {
      headers: { authorization: `Token ${token}` },
    });
    const inQuery = await fetch(`${standin.url}/api/v4/users/me?access_token=${token}`);

    assert.deepEqual([login.status, inHeader.status, inQuery.status], [200, 200, 401]);
  });

  it('makes a bot whose token works at once', async () => {
    await start();
    const bot = await api('admin', 'POST', '/bots', { username: 'athena', display_name: 'Athena' });
    const token = await api('admin', 'POST', `/users/${bot['user_id']}/tokens`, { description: 'daemon' });

    const me = await fetch(`${standin.url}/api/v4/users/me`, {
      headers: { authorization: `Bearer ${token['token']}` },
    });

    assert.partialDeepStrictEqual(await me.json(), { username: 'athena', is_bot: true });
  });

  it('gives a file back to those who see its channel', async () => {
    await start();
    const channel = standin.seeded?.channels['agents'];
    const upload = await api('zeus', 'POST', `/files?channel_id=${channel}&filename=a.log`, 'text');
    const [file] = upload['file_infos'] as { id: string }[];

    const answer = await fetch(`${standin.url}/api/v4/files/${file?.id}`, {
      headers: { authorization: 'Bearer token-of-human' },
    });

    assert.equal(await answer.text(), 'text');
  });

  it('prints its addresses in one line as a program, and leaves with 0 on SIGTERM', async () => {
    await start();
    await using program = await startStandin();

    assert.equal((await fetch(`${program.url}/api/v4/system/ping`)).status, 200);
    program.child.kill('SIGTERM');

    assert.equal((await once(program.child, 'exit'))[0], 0);
  });

  it('gives the API another address when asked, and keeps its own surface on 127.0.0.1', async () => {
    await start();
    await using program = await startStandin('--host', '127.0.0.5');
    const { url, adminUrl } = program;

    assert.equal(new URL(url).hostname, '127.0.0.5');
    assert.equal((await fetch(`${url}/api/v4/system/ping`)).status, 200);
    await assert.rejects(fetch(`http://127.0.0.1:${new URL(url).port}/api/v4/system/ping`));
    assert.equal(new URL(adminUrl).hostname, '127.0.0.1');
  });

  async function startStandin(...args: string[]) {
    const program = startProgram('src/standins/mattermost/main.ts', { args });
    const [line] = await once(createInterface(program.child.stdout), 'line');
    return { ...program, ...(JSON.parse(String(line)) as { url: string; adminUrl: string }) };
  }

  async function start(options: StandinOptions = {}): Promise<void> {
    standin = await createMattermostStandin({ seed: SEED, ...options });
  }

  function connect(token?: string): WebSocket {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return new WebSocket(`${standin.url.replace('http', 'ws')}/api/v4/websocket`, { headers });
  }

  function listen(token: string): { socket: WebSocket; events: string[] } {
    const socket = connect(token);
    const events: string[] = [];
    socket.on('message', (data) => events.push(JSON.parse(String(data)).event));
    return { socket, events };
  }

  async function api(who: string, method: string, path: string, body: unknown) {
    const response = await fetch(`${standin.url}/api/v4${path}`, {
      method,
      headers: { authorization: `Bearer token-of-${who}` },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    assert.ok(response.ok, JSON.stringify(answer));
    return answer;
  }

  async function admin(method: string, path: string, body: unknown) {
    const response = await fetch(standin.adminUrl + path, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }
});
