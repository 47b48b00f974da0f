import assert from 'node:assert/strict';
import { listSnapshots, withSnapshot } from '#provision/snapshot/snapshots.ts';
import { runCli } from '#test/cli-here.ts';
import { ProvisionBench } from '#test/provision/bench.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

describe('snapshots of machines', () => {
  let dir: TempDir;
  let bench: ProvisionBench;

  before(async () => {
    dir = await tempDir('snapshot');
  });
  after(() => dir[Symbol.asyncDispose]());
  beforeEach(async () => {
    bench = new ProvisionBench(dir.path);
    await bench.apply({ machines: ['athena', 'apollo'] });
  });

  const named = (machines: readonly string[] = ['athena']) => ({ machines, name: 'before' });

  it('are made, gone back to and deleted, of one machine or of several', async () => {
    const fleet = await bench.fleet();
    await withSnapshot('create', fleet, named(['athena', 'apollo']));
    const listed = await listSnapshots(fleet, ['athena', 'apollo']);
    assert.deepEqual(
      listed.map(({ machine, snapshots }) => [machine, snapshots.map(({ name }) => name)]),
      [
        ['athena', ['before']],
        ['apollo', ['before']],
      ],
    );

    await bench.r420.powerOff('athena');
    assert.deepEqual(await withSnapshot('revert', fleet, named()), [{ machine: 'athena', host: 'r420' }]);
    assert.equal((await bench.r420.domain('athena'))?.state, 'running');
    await withSnapshot('delete', fleet, named());
    assert.deepEqual((await listSnapshots(fleet, ['athena']))[0]?.snapshots, []);
  });

  it('of one machine that fails do not keep the others from theirs', async () => {
    const fleet = await bench.fleet();
    await withSnapshot('create', fleet, named());

    const [athena, apollo] = await withSnapshot('create', fleet, named(['athena', 'apollo']));

    assert.match(athena?.failure?.message ?? '', /^athena, making a snapshot: before already exists/);
    assert.deepEqual(apollo, { machine: 'apollo', host: 'r720xd' });
  });

  it('are gone back to by all who are named, or by none', async () => {
    const fleet = await bench.fleet();
    await withSnapshot('create', fleet, named());
    await bench.r420.powerOff('athena');

    const [apollo, ...others] = await withSnapshot('revert', fleet, named(['athena', 'apollo']));

    assert.match(apollo?.failure?.message ?? '', /^apollo on r720xd has no snapshot before; no machine/);
    assert.deepEqual(others, []);
    assert.equal((await bench.r420.domain('athena'))?.state, 'off');
  });

  it('are gone back to with a seed that has the host key again, where the machine then restarts', async () => {
    const fleet = await bench.fleet();
    await withSnapshot('create', fleet, named());
    bench.change({ address: '10.220.1.61' });
    await bench.apply();
    await withSnapshot('revert', fleet, named());

    const [outcome] = await bench.apply();

    const kinds = outcome?.steps.map(({ kind }) => kind).join(' ');
    assert.match(kinds ?? '', /^write-seed stop define start finish$/);
    assert.equal(await bench.kinds(), '');
  });

  it('stand in the way of a new root disk', async () => {
    await withSnapshot('create', await bench.fleet(), named());
    bench.r420.calls.length = 0;

    assert.match(
      await bench.kinds({ replace: ['athena'] }),
      /^! athena has snapshots \(before\).*snapshot delete before/,
    );
    assert.deepEqual(bench.r420.calls, []);
  });

  it('of a domain that is not ours are refused', async () => {
    bench.r420.edit('athena', 'defined', (xml) => xml.replace(/<olympus:machine.*/, ''));
    bench.r420.calls.length = 0;

    const [refused] = await withSnapshot('revert', await bench.fleet(), named());

    assert.match(refused?.failure?.message ?? '', /was not made by Olympus; nothing of it was touched/);
    assert.deepEqual(bench.r420.calls, []);
  });
});

describe('olympus snapshot', () => {
  for (const verb of ['create', 'list', 'revert', 'delete']) {
    it(`has help with an example for ${verb}`, async () => {
      const { code, stdout } = await runCli(['snapshot', verb, '--help']);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`\\$ olympus snapshot ${verb} `));
    });
  }

  it('goes back with nobody unless somebody is named', async () => {
    const { code, stderr } = await runCli([
      'snapshot',
      'revert',
      'before',
      '--inventory',
      '/nowhere',
      '--yes',
    ]);
    assert.equal(code, 2);
    assert.match(stderr, /--machine athena, or --all/);
  });

  it('takes no name that would have to be quoted', async () => {
    const { code, stderr } = await runCli(['snapshot', 'create', 'a b', '--inventory', '/nowhere']);
    assert.equal(code, 2);
    assert.match(stderr, /Write a name of a-z/);
  });
});
