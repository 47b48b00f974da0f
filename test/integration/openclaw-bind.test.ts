import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type Gateway, startGateway } from '../support/openclaw-gateway.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

/** Stands in for the machine's address on the network: another address of the loopback interface. */
const ADDRESS = '127.0.0.5';
const ELSEWHERE = '127.0.0.6';

describe('a gateway that is bound to an address of the network', () => {
  let dir: TempDir;
  let gateway: Gateway;

  before(async function () {
    this.timeout(180_000);
    dir = await tempDir('openclaw-bind');
    gateway = await startGateway({
      agent: 'hermes',
      modelUrl: 'http://127.0.0.1:9', // nobody asks it anything
      modelKey: 'unused-unused-unused-unused',
      dir: dir.path,
      config: { bind: { address: ADDRESS } },
    });
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  it('listens there and on 127.0.0.1, and nowhere else', async () => {
    const { port } = new URL(gateway.url);

    for (const host of [ADDRESS, '127.0.0.1']) {
      const response = await fetch(`http://${host}:${port}/healthz`);
      assert.equal(response.status, 200, host);
    }
    await assert.rejects(fetch(`http://${ELSEWHERE}:${port}/healthz`));
    await isFree(ELSEWHERE, Number(port));
  });

  it('is configured as OpenClaw wants it', async () => {
    const { exitCode, stdout } = await gateway.cli('config', 'validate', '--json');

    assert.equal(exitCode, 0, stdout);
    assert.equal((JSON.parse(stdout) as { valid?: boolean }).valid, true, stdout);
  }).timeout(120_000);

  it('has nothing that its own security audit calls critical', async () => {
    const { stdout } = await gateway.cli('security', 'audit', '--json');
    const { summary } = JSON.parse(stdout) as { summary: { critical: number } };

    assert.equal(summary.critical, 0, stdout);
  }).timeout(120_000);
});

/** Rejects when somebody listens there. */
async function isFree(host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const server = createServer().once('error', reject);
  server.listen(port, host, () => server.close(() => resolve()));
  await promise;
}
