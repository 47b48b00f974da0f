import assert from 'node:assert/strict';
import { LabWithMachines } from '../lab/machines.ts';

const MINUTE_MS = 60_000;
const DIGEST = /prompt-digest: [0-9a-f]{64}/;
const APOLLO = '10.220.1.51';
/** An address that no network of administrators holds. */
const STRANGER = '10.99.0.1';

describe('two agents in virtual machines', () => {
  let lab: LabWithMachines;
  before(async function () {
    this.timeout(60 * MINUTE_MS);
    lab = await LabWithMachines.prepare();
    await lab.up('athena,apollo');
  });
  after(async function () {
    this.timeout(2 * MINUTE_MS);
    await lab?.[Symbol.asyncDispose]();
  });

  for (const agent of ['athena', 'apollo']) {
    it(`has ${agent} answer`, async () => {
      const { code, stdout, stderr } = await lab.cli.run(['say', '--timeout', '600', `@${agent} hello`]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, DIGEST);
    });
  }

  it("opens apollo's dashboard to the network of administrators, and to nobody else", async () => {
    const page = (...from: string[]) =>
      lab.atSwitch('curl', '-sS', '-m', '30', ...from, `http://${APOLLO}:18789/`);
    const seen = await page();
    assert.equal(seen.code, 0, seen.text);
    assert.match(seen.text, /<html/i);

    // A stranger whom apollo could answer: SSH lets anybody knock, the dashboard does not.
    await lab.atSwitch('ip', 'address', 'add', `${STRANGER}/24`, 'dev', 'sw0');
    await lab.on('apollo', `ip route replace ${STRANGER}/32 via 10.220.1.1`);
    const knock = await lab.atSwitch('nc', '-w', '20', '-s', STRANGER, APOLLO, '22');
    assert.match(knock.text, /SSH-2\.0/);
    assert.notEqual((await page('--interface', STRANGER)).code, 0);
  });

  it("keeps athena's dashboard to her own loopback", async () => {
    const { code } = await lab.atSwitch('curl', '-sS', '-m', '15', 'http://10.220.1.50:18789/');
    assert.notEqual(code, 0);
  });
});
