import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { sshAccess } from '#integrations/ssh/access.ts';
import { connectSsh } from '#integrations/ssh/connect.ts';
import type { SshConnection } from '#integrations/ssh/connection.ts';
import { SshError } from '#integrations/ssh/ssh-error.ts';
import { choosePort } from '#lab/local/ports.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { type SshServer, startSshServer, type WrittenMachine, writeSshState } from './ssh-server.ts';

const NEVER = new AbortController().signal;

describe('the SSH client for short commands', () => {
  let dir: TempDir;
  let server: SshServer;
  before(async () => {
    dir = await tempDir('ssh');
    server = await startSshServer(dir.path, 'athena');
    await written();
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  /** Writes down athena, otherwise than she is where a test says so. */
  function written(more: Partial<WrittenMachine> = {}): Promise<void> {
    return writeSshState(dir.path, [{ name: 'athena', port: server.port, hostKey: server.hostKey, ...more }]);
  }

  function connect(timeoutMs = 20_000, signal: AbortSignal = NEVER): Promise<SshConnection> {
    return connectSsh({ access: sshAccess(dir.path), machine: 'athena', timeoutMs, signal });
  }

  async function refusal(attempt: Promise<unknown>): Promise<SshError> {
    const error = await attempt.then(
      () => assert.fail('it was not refused'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof SshError, String(error));
    return error;
  }

  afterEach(() => written());

  it('runs a command and tells apart its output, its complaints and its exit code', async () => {
    await using athena = await connect();

    const result = await athena.run('read line; echo "got $line"; echo no >&2; exit 3', {
      timeoutMs: 20_000,
      signal: NEVER,
      input: 'tea\n',
    });

    assert.deepEqual(result, { code: 3, stdout: 'got tea\n', stderr: 'no\n' });
  });

  it('runs many commands on one connection, never more at once than sshd allows', async () => {
    await using athena = await connect();
    const counter = path.join(dir.path, 'count');
    const command = `echo x >> ${counter}; sleep 0.05; wc -l < ${counter}`;

    const results = await Promise.all(
      Array.from({ length: 60 }, () => athena.run(command, { timeoutMs: 30_000, signal: NEVER })),
    );

    assert.ok(
      results.every(({ code }) => code === 0),
      JSON.stringify(results.find(({ code }) => code !== 0)),
    );
    assert.equal(Math.max(...results.map(({ stdout }) => Number(stdout))), 60);
  });

  it('says that sshd opened no session, and goes on', async () => {
    await using small = await startSshServer(dir.path, 'small', { lines: ['MaxSessions 1'] });
    await written({ port: small.port, hostKey: small.hostKey });
    await using athena = await connect();

    const results = await Promise.allSettled(
      Array.from({ length: 4 }, () => athena.run('sleep 0.2', { timeoutMs: 20_000, signal: NEVER })),
    );
    const after = await waitFor('a session', () =>
      athena.run('echo on', { timeoutMs: 20_000, signal: NEVER }),
    );

    const [failure] = results.filter((result) => result.status === 'rejected');
    assert.match(String(failure?.reason), /athena did not open a session: .*Channel open failure/);
    assert.equal(after.stdout, 'on\n');
  });

  it('does not wait for a command that takes too long, and its connection goes on', async () => {
    await using athena = await connect();

    const { kind, message } = await refusal(athena.run('sleep 10', { timeoutMs: 500, signal: NEVER }));
    const { stdout } = await athena.run('echo on', { timeoutMs: 20_000, signal: NEVER });

    assert.equal(kind, 'timeout');
    assert.equal(message, 'athena did not finish `sleep 10` within 0.5 s.');
    assert.equal(stdout, 'on\n');
  });

  it('ends a command when its caller gives up', async () => {
    await using athena = await connect();
    const giveUp = new AbortController();
    const running = athena.run('sleep 10', { timeoutMs: 60_000, signal: giveUp.signal });
    giveUp.abort(new Error('enough'));

    await assert.rejects(running, /enough/);
  });

  it('refuses to take more output than it can hold', async () => {
    await using athena = await connect();

    const { kind } = await refusal(athena.run('yes', { timeoutMs: 20_000, signal: NEVER }));

    assert.equal(kind, 'too_much');
  });

  it('refuses a wrong host key before it sends anything', async () => {
    await using other = await startSshServer(dir.path, 'other');
    await written({ hostKey: other.hostKey });

    const { kind, message, remedy } = await refusal(connect());

    assert.equal(kind, 'host_key');
    assert.match(message, /athena shows a host key that is not the one in .*known_hosts \(SHA256:/);
    assert.match(remedy, /olympus ssh-config/);
  });

  it('refuses a machine whose host key nobody has written down', async () => {
    await writeSshState(dir.path, [{ name: 'athena', port: server.port }]);

    const { kind, message } = await refusal(connect());

    assert.equal(kind, 'host_key');
    assert.match(message, /known_hosts has no host key for athena/);
  });

  it('refuses a key that is marked as revoked', async () => {
    await written({ hostKey: `${server.hostKey}\n@revoked athena ${server.hostKey}` });

    assert.equal((await refusal(connect())).kind, 'host_key');
  });

  it('says that a machine does not let us in', async () => {
    await using strict = await startSshServer(dir.path, 'strict', { lines: ['DenyUsers *'] });
    await written({ port: strict.port, hostKey: strict.hostKey });

    const { kind, message } = await refusal(connect());

    assert.equal(kind, 'refused');
    assert.match(message, /athena does not let .* in with .*id_ed25519/);
  });

  it('says that nothing listens where a machine should be', async () => {
    await written({ port: await choosePort(0) });

    const { kind, message } = await refusal(connect());

    assert.equal(kind, 'unreachable');
    assert.match(message, /^athena \(127\.0\.0\.1, port \d+\) cannot be reached: nothing listens there\.$/);
  });

  it('gives up on a machine that is silent', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    await written({ port: typeof address === 'object' ? (address?.port ?? 0) : 0 });

    const { kind, message } = await refusal(connect(300));
    silent.close();

    assert.equal(kind, 'timeout');
    assert.match(message, /did not answer within 0\.3 s/);
  });

  it('goes through the ProxyCommand of the configuration, and leaves no process behind', async () => {
    const marker = path.join(dir.path, 'proxy-pid');
    const proxy = `sh -c 'echo $$ > ${marker}; exec nc -N %h %p'`;
    await written({ lines: [`ProxyCommand ${proxy}`] });
    let proxyPid = '';
    {
      await using athena = await connect();
      const { stdout } = await athena.run(`cat ${marker}`, { timeoutMs: 20_000, signal: NEVER });
      proxyPid = stdout.trim();
    }

    assert.match(proxyPid, /^\d+$/);
    assert.throws(() => process.kill(Number(proxyPid), 0), /ESRCH/);
  });

  it('learns how a command ended also where all that is said of it comes in one piece', async () => {
    const program = path.join(dir.path, 'in-pieces.py');
    await writeFile(
      program,
      `import os, socket, sys, threading, time
server = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def send():
    while (piece := os.read(0, 65536)): server.sendall(piece)
    server.shutdown(socket.SHUT_WR)
threading.Thread(target=send, daemon=True).start()
while True:
    time.sleep(0.3) # what the server says meanwhile goes on together
    piece = server.recv(1048576)
    if not piece: break
    os.write(1, piece)
`,
    );
    await written({ lines: [`ProxyCommand python3 ${program} %h %p`] });
    await using athena = await connect(30_000);

    const result = await athena.run('echo soon; exit 3', { timeoutMs: 20_000, signal: NEVER });

    assert.deepEqual(result, { code: 3, stdout: 'soon\n', stderr: '' });
  });

  it('repeats what a ProxyCommand complained about', async () => {
    await written({ lines: ['ProxyCommand echo "no such namespace" >&2; exit 1'] });

    const { kind, message } = await refusal(connect());

    assert.equal(kind, 'unreachable');
    assert.match(message, /cannot be reached: no such namespace\./);
  });

  it('tells everybody who waits that the connection was cut', async () => {
    const marker = path.join(dir.path, 'cut-pid');
    await written({ lines: [`ProxyCommand sh -c 'echo $$ > ${marker}; exec nc -N %h %p'`] });
    await using athena = await connect();
    const waiting = [1, 2].map(() => refusal(athena.run('sleep 60', { timeoutMs: 30_000, signal: NEVER })));
    const { stdout } = await athena.run(`cat ${marker}`, { timeoutMs: 20_000, signal: NEVER });
    process.kill(Number(stdout), 'SIGKILL');

    const kinds = (await Promise.all(waiting)).map(({ kind }) => kind);
    const later = await refusal(athena.run('true', { timeoutMs: 20_000, signal: NEVER }));

    assert.deepEqual([...kinds, later.kind], ['cut', 'cut', 'cut']);
  });
});
