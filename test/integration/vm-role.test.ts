import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { RealBench } from '#test/provision/real-bench.ts';
import { tempDir } from '#test/temp-dir.ts';
import { ANSIBLE, type Ended, ROOT, run } from '../ansible/ansible.ts';

describe('the role vm', function () {
  this.timeout(180_000);
  let bench: RealBench;
  before(async function () {
    if (process.getuid?.() !== 0) this.skip(); // It consists of namespaces, which take root.
    bench = await RealBench.start();
  });
  after(() => bench?.[Symbol.asyncDispose]());

  it('fails the machines that failed, each with its own reason, and no other', async () => {
    bench.writeInventory();
    // It stands where the root disk of apollo belongs; athena and the hub come as far as machines without a guest can.
    await bench.on('mkdir -p /var/lib/olympus/machines/apollo/root.qcow2');

    const { code, output } = await setUp(bench, ['--check']);

    assert.equal(code, 2, output);
    assert.deepEqual(failedIn(output), ['apollo'], output);
    assert.match(output, /apollo, looking at what is there: r420: looking at the disks/);
    assert.match(output, /^athena +: .*failed=0/m);

    const { output: applied } = await setUp(bench, ['--limit', 'agents']);
    assert.deepEqual(failedIn(applied), ['apollo', 'athena'], applied);
    assert.match(applied, /athena did not come up: it stopped at the phase address/);
    assert.equal(await bench.on('virsh domstate athena'), 'running');
  });

  it('fails all of them when nothing is known of any', async () => {
    bench.writeInventory(['address: 10.220.1.50', 'address: 10.220.1.7']);

    const { code, output } = await setUp(bench, ['--check', '--limit', 'agents']);

    assert.equal(code, 2, output);
    assert.deepEqual(failedIn(output), ['apollo', 'athena'], output);
    assert.match(output, /Nothing is known of (apollo|athena): the call for the machines of r420 failed/);
  });
});

/** Runs the role for the machines of the inventory, and what it is made of alone. */
async function setUp(bench: RealBench, args: readonly string[]): Promise<Ended> {
  await using dir = await tempDir('vm-role');
  const playbook = path.join(dir.path, 'play.yml');
  const play = { hosts: 'machines', gather_facts: false, roles: [path.join(ANSIBLE, 'roles/vm')] };
  await writeFile(playbook, JSON.stringify([play]));
  const command = `{"olympus_command": "${path.join(ROOT, 'olympus')}"}`;
  // Awaited here: the folder has to be there until the command has ended.
  return await run('ansible-playbook', [playbook, '-i', bench.inventory, '-e', command, ...args], {
    OLYMPUS_STATE_DIR: bench.stateDir,
    OLYMPUS_NODE: process.execPath,
  });
}

/** The machines that the recap calls failed, in order of their names. */
function failedIn(output: string): string[] {
  return [...output.matchAll(/^(\S+) +: .*failed=[1-9]/gm)].flatMap(([, name = '']) => name).sort();
}
