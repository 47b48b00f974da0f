import assert from 'node:assert/strict';
import { destroyMachines } from '#provision/apply/destroy.ts';
import { machineFiles } from '#provision/machine/machine-spec.ts';
import { TRASH, TRASH_MS } from '#provision/trash/trash-entry.ts';
import { keptMachines, undoDestroy } from '#provision/trash/undo.ts';
import { ManualClock } from '#test/manual-clock.ts';
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

  const destroy = async (purge = false, each = bench) => {
    const [result] = await destroyMachines(await each.fleet(), { machines: ['athena'], purge });
    return result;
  };
  const undo = async (each = bench) => {
    const [result] = await undoDestroy(await each.fleet(), ['athena']);
    return result;
  };
  const below = (folder: string, each = bench): string[] =>
    [...each.r420.files.keys()].filter((file) => file.startsWith(`${folder}/`));
  const contents = (each = bench): unknown[] =>
    [FILES.root, FILES.data, FILES.seed, FILES.ready].map((file) => each.r420.files.get(file));

  it('keeps its disks in the trash, and a second time finds nothing', async () => {
    await bench.apply();
    const disks = contents();

    const first = await destroy();
    const second = await destroy();

    assert.equal(first?.changed, true);
    assert.ok((first?.keptUntil ?? 0) > Date.now() + TRASH_MS - 60_000);
    assert.deepEqual(second, { machine: 'athena', host: 'r420', changed: false });
    assert.equal(bench.r420.domains.size, 0);
    assert.deepEqual(below(FILES.folder), []);
    const kept = below(`${TRASH}/athena`);
    for (const disk of disks) assert.ok(kept.some((file) => bench.r420.files.get(file) === disk));
  });

  it('is undone: the same disks, the same domain, running as it was', async () => {
    await bench.apply();
    const before = { disks: contents(), domain: { ...bench.r420.domains.get('athena') } };
    await destroy();

    assert.deepEqual(await undo(), { machine: 'athena', host: 'r420', as: 'running' });

    assert.deepEqual({ disks: contents(), domain: { ...bench.r420.domains.get('athena') } }, before);
    assert.deepEqual(below(TRASH), []);
    assert.equal(await bench.kinds(), '', 'a machine like any other');
    assert.match((await undo())?.failure?.message ?? '', /^athena is on r420, and is left as it is/);
  });

  it('is undone with its snapshots', async () => {
    await bench.apply();
    await bench.r420.createSnapshot('athena', 'before');
    await destroy();
    await undo();

    assert.deepEqual(
      (await bench.r420.snapshots('athena')).map(({ name, wasRunning }) => [name, wasRunning]),
      [['before', true]],
    );
  });

  it('is undone to a machine that is off where it was off', async () => {
    await bench.apply();
    await bench.r420.powerOff('athena');
    await destroy();

    assert.equal((await undo())?.as, 'off');
    assert.equal((await bench.r420.domain('athena'))?.state, 'off');
  });

  it('is undone by its last time, and also when the inventory has forgotten the machine', async () => {
    const clock = new ManualClock();
    bench.clock = clock;
    await bench.apply();
    await destroy();
    await clock.advance(1000);
    await bench.apply({ image: 'other.qcow2' });
    await destroy();
    bench.inventory = {
      ...bench.inventory,
      machines: bench.inventory.machines.filter(({ name }) => name !== 'athena'),
    };
    assert.equal((await keptMachines(await bench.fleet())).kept.length, 2);

    assert.equal((await undo())?.as, 'running');
    const disk = bench.r420.disk(FILES.root);
    assert.match(disk?.backing ?? '', /other\.qcow2$/);
  });

  it('is not undone where the machine was made anew, here or elsewhere', async () => {
    await bench.apply();
    await destroy();
    bench.change({ host: 'r720xd' });
    await bench.apply();

    assert.match((await undo())?.failure?.message ?? '', /^athena is on r720xd, and is left as it is/);
    assert.equal(bench.r420.domains.size, 0);
  });

  it('is for good after a day, and at once with --purge', async () => {
    const clock = new ManualClock();
    bench.clock = clock;
    await bench.apply();
    await destroy();
    await clock.advance(TRASH_MS - 1);
    assert.equal((await keptMachines(await bench.fleet())).kept.length, 1);
    await clock.advance(1);
    assert.equal((await keptMachines(await bench.fleet())).kept.length, 0);
    assert.match((await undo())?.failure?.message ?? '', /^Nothing is kept of athena/);

    await bench.apply();
    await destroy();
    await bench.apply();
    assert.deepEqual(await destroy(true), { machine: 'athena', host: 'r420', changed: true });
    assert.deepEqual([below(FILES.folder), below(TRASH)], [[], []]);
  });

  it('leaves in the trash what others have put there, and what another fleet had under the same name', async () => {
    bench.clock = new ManualClock();
    bench.r420.files.set(`${TRASH}/athena/notes`, 'of a person');
    const other = `${TRASH}/athena/20260101T000000.000Z`;
    bench.r420.files.set(`${other}/root.qcow2`, 'of another fleet');
    bench.r420.files.set(`${other}/destroyed.json`, '{"fleet": "other", "wasRunning": true}');
    await bench.apply();

    await destroy(true);

    assert.deepEqual(below(TRASH).toSorted(), [
      `${other}/destroyed.json`,
      `${other}/root.qcow2`,
      `${TRASH}/athena/notes`,
    ]);
    assert.match((await undo())?.failure?.message ?? '', /^Nothing is kept of athena/);
  });

  for (const [locks, when] of [
    [true, 'one after the other'],
    [false, 'even where the lock did not keep one out'],
  ] as const) {
    it(`is undone once, also by two at the same time, ${when}`, async () => {
      bench.r420.others.holds = locks;
      await bench.apply();
      await destroy();
      const fleet = await bench.fleet();

      const both = await Promise.all([
        undoDestroy(fleet, ['athena', 'athena']),
        undoDestroy(fleet, ['athena']),
      ]);

      assert.ok(both.flat().some(({ as }) => as === 'running'));
      assert.equal(both[0]?.length, 1);
      assert.ok(bench.r420.files.has(FILES.root) && bench.r420.files.has(FILES.data));
      assert.equal((await bench.r420.domain('athena'))?.state, 'running');
    });
  }

  it('brings back disks alone where one is missing, and leaves the rest to apply', async () => {
    await bench.apply();
    bench.r420.files.delete(FILES.root);
    await destroy();

    assert.equal((await undo())?.as, 'disks');
    assert.ok(bench.r420.files.has(FILES.data));
    assert.equal(await bench.kinds(), 'define write-seed create-root autostart start finish');
  });

  it('that was interrupted is over once the machine is applied again', async () => {
    await bench.apply();
    bench.r420.killAfter = { changes: 2, lastTakesEffect: true };
    await destroy();
    bench.r420.killAfter = undefined;
    assert.equal(await bench.kinds(), 'start');
    await bench.r420.powerOff('athena');

    assert.match((await undo())?.failure?.message ?? '', /is on r420, and is left as it is/);
  });

  it('does not touch the files of another fleet’s machine that was half destroyed', async () => {
    bench.r420.files.set(FILES.data, 'of another fleet');
    bench.r420.files.set(`${FILES.folder}/destroyed.json`, '{"fleet": "other", "wasRunning": true}');

    assert.match((await destroy(true))?.failure?.message ?? '', /belong to the fleet other; nothing/);
    assert.equal(bench.r420.files.get(FILES.data), 'of another fleet');
  });

  it('keeps nothing of a machine without a disk', async () => {
    bench.r420.files.set(FILES.console, 'said');

    assert.deepEqual(await destroy(), { machine: 'athena', host: 'r420', changed: true });
    assert.deepEqual(below(TRASH), []);
  });

  for (const lastTakesEffect of [true, false]) {
    const when = lastTakesEffect ? 'after' : 'before';
    it(`loses nothing when it, or its undoing, is killed ${when} any change`, async () => {
      for (const what of ['destroy', 'undo'] as const) {
        for (let changes = 1; ; changes++) {
          const each = new ProvisionBench(dir.path);
          await each.apply();
          const before = { disks: contents(each), domain: { ...each.r420.domains.get('athena') } };
          if (what === 'undo') await destroy(false, each);
          each.r420.killAfter = { changes, lastTakesEffect };
          await (what === 'destroy' ? destroy(false, each) : undo(each));
          const wasKilled = each.r420.killAfter.changes <= 0;
          each.r420.killAfter = undefined;

          if (what === 'destroy') {
            assert.equal((await destroy(false, each))?.failure, undefined);
            assert.deepEqual([below(FILES.folder, each), each.r420.domains.size], [[], 0]);
          }
          if (what === 'destroy' || wasKilled) await undo(each);
          const after = { disks: contents(each), domain: { ...each.r420.domains.get('athena') } };
          assert.deepEqual(after, before, `${what} killed at change ${changes}`);
          assert.deepEqual(below(TRASH, each), []);
          if (wasKilled) continue;
          assert.ok(changes > 3, 'something was killed at all');
          break;
        }
      }
    });
  }

  it('does not touch a domain that is not ours', async () => {
    await bench.apply();
    bench.r420.edit('athena', 'defined', (xml) => xml.replace(/<olympus:machine.*/, ''));
    bench.r420.calls.length = 0;

    const result = await destroy();

    assert.match(result?.failure?.message ?? '', /was not made by Olympus; nothing of it was touched/);
    assert.deepEqual(bench.r420.calls, []);
  });

  it('names nothing, and touches nothing, without a name', async () => {
    await bench.apply();
    bench.r420.calls.length = 0;

    assert.deepEqual(await destroyMachines(await bench.fleet(), { machines: [], purge: true }), []);
    assert.deepEqual(bench.r420.calls, []);
  });

  it('works on a host without libvirt', async () => {
    bench.r420.libvirt = false;
    bench.r420.files.set(FILES.root, 'left over');

    const result = await destroy();

    assert.equal(result?.changed, true);
    assert.equal(bench.r420.files.has(FILES.root), false);
  });
});
