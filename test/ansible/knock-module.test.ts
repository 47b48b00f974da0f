import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { ANSIBLE, moduleRun, run } from './ansible.ts';

interface Result {
  readonly knocks: number;
  readonly wrong: readonly string[];
  readonly msg?: string;
}

const SECONDS = { open_seconds: 5, closed_seconds: 1 };

describe('olympus_knock', () => {
  let server: Server;
  let listening: number;
  let free: number;
  before(async () => {
    [server, listening] = await listen();
    const [other, port] = await listen();
    await new Promise((resolve) => other.close(resolve));
    free = port;
  });
  after(() => server?.close());

  const at = (open: readonly number[], closed: readonly number[]) => ({
    at: [{ machine: 'hub', address: '127.0.0.1', open, closed }],
    ...SECONDS,
  });

  it('is content with what takes connections where it should', async () => {
    const { result, code } = await moduleRun<Result>('olympus_knock', at([listening], []));

    assert.equal(code, 0);
    assert.deepEqual([result.knocks, result.wrong], [1, []]);
  });

  it('is told by nothing but silence that a port is closed', async () => {
    const { result, code } = await moduleRun<Result>('olympus_knock', at([free], [listening, free]));

    assert.notEqual(code, 0);
    assert.deepEqual(result.wrong, [
      `hub should take connections at ${free} and refused it`,
      `hub should be closed to us at ${listening} and took the connection`,
      `hub should be closed to us at ${free} and refused it`,
    ]);
  });

  it('takes what is dropped for closed, all at once, and misses it where it should be open', async function () {
    if (process.getuid?.() !== 0) this.skip(); // A network of its own takes root.
    // What is sent to the other end of the cable never comes back.
    const script = `set -e
ip link add v0 type veth peer name v1; ip addr add 192.0.2.1/24 dev v0; ip link set v0 arp off up; ip link set v1 up
exec ansible localhost --playbook-dir "$1" --inventory localhost, --connection local --module-name olympus_knock --args "$2"`;
    const closed = Array.from({ length: 900 }, (_, index) => index + 1);
    const given = {
      at: [{ machine: 'hub', address: '192.0.2.7', open: [4222], closed }],
      ...SECONDS,
      open_seconds: 2,
    };

    const ended = await run('unshare', ['--net', 'sh', '-c', script, 'sh', ANSIBLE, JSON.stringify(given)]);

    assert.notEqual(ended.code, 0);
    assert.match(ended.output, /hub should take connections at 4222 and did not answer/);
    assert.doesNotMatch(ended.output, /should be closed/);
  });
});

function listen(): Promise<[Server, number]> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve([server, typeof address === 'object' && address ? address.port : 0]);
    });
  });
}
