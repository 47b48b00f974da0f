import assert from 'node:assert/strict';
import { destroyMachines } from '#provision/apply/destroy.ts';
import { machineFiles } from '#provision/machine/machine-spec.ts';
import { ProvisionBench } from '#test/provision/bench.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const FILES = machineFiles('athena');

describe('destroying a machine', () => {
  let dir: TempDir;
  let bench: ProvisionBench;

  before(async () => {
    dir = await tempDir('destroy');
  });
  after(() => dir[Symbol.asyncDispose]());
  beforeEach(() => {
    bench = new ProvisionBench(dir.path);
  });

  it('leaves nothing of it, and a second time finds nothing', async () => {
    await bench.apply();
    const fleet = await bench.fleet();

    const [first] = await destroyMachines(fleet, ['athena']);
    const [second] = await destroyMachines(fleet, ['athena']);

    assert.equal(first?.changed, true);
    assert.equal(second?.changed, false);
    assert.equal(bench.r420.domains.size, 0);
    assert.deepEqual(
      [...bench.r420.files.keys()].filter((file) => file.startsWith(FILES.folder)),
      [],
    );
  });

  it('does not touch a domain that is not ours', async () => {
    await bench.apply();
    bench.r420.edit('athena', 'defined', (xml) => xml.replace(/<olympus:machine.*/, ''));
    bench.r420.calls.length = 0;

    const [result] = await destroyMachines(await bench.fleet(), ['athena']);

    assert.match(result?.failure?.message ?? '', /was not made by Olympus; nothing of it was touched/);
    assert.deepEqual(bench.r420.calls, []);
  });

  it('works on a host without libvirt', async () => {
    bench.r420.libvirt = false;
    bench.r420.files.set(FILES.root, 'left over');

    const [result] = await destroyMachines(await bench.fleet(), ['athena']);

    assert.equal(result?.changed, true);
    assert.equal(bench.r420.files.has(FILES.root), false);
  });
});
