import assert from 'node:assert/strict';
import { ProvisionBench } from '#test/provision/bench.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

describe('changing a machine', () => {
  let dir: TempDir;
  let bench: ProvisionBench;

  before(async () => {
    dir = await tempDir('changes');
  });
  after(() => dir[Symbol.asyncDispose]());
  beforeEach(() => {
    bench = new ProvisionBench(dir.path);
  });

  it('restarts it for more memory, and says from what to what', async () => {
    await bench.apply();
    bench.change({ memoryMib: 4096 });

    const [outcome] = await bench.apply();

    assert.equal(outcome?.failure, undefined);
    assert.deepEqual(
      outcome?.steps.map(({ kind, effect, detail }) => `${kind}, ${effect}: ${detail}`),
      [
        'stop, restart: memory 3072 → 4096 MiB',
        'define, restart: memory 3072 → 4096 MiB',
        'start, restart: with the new definition',
      ],
    );
    const change = { field: 'memory_mib', before: 3072, after: 4096, cause: 'wanted' };
    assert.deepEqual(outcome?.changes, [{ ...change, effect: 'restart' }]);
    assert.equal(await bench.kinds(), '');
  });

  it('pulls the plug of a guest that does not shut down', async () => {
    await bench.apply();
    bench.change({ vcpus: 2 });
    bench.r420.stubborn = true;
    let nowMs = 0;
    const sleep = async (durationMs: number): Promise<void> => {
      nowMs += durationMs;
    };
    bench.clock = { now: () => nowMs, sleep };

    assert.equal(await bench.kinds(), 'stop define start');

    assert.ok(bench.r420.calls.includes('power off athena'));
    assert.equal(await bench.kinds(), '');
  });

  it('grows disks in place, and their file systems with them', async () => {
    await bench.apply();
    bench.change({ diskGib: 20, dataGib: 8 });

    assert.equal(await bench.kinds(), 'grow-root grow-data define');
    assert.ok(bench.said.includes('athena: grow root inside'));
    assert.ok(bench.said.includes('athena: grow data inside'));
    assert.equal(await bench.kinds(), '');
  });

  it('refuses to shrink a disk', async () => {
    await bench.apply();
    bench.change({ diskGib: 5 });

    assert.match(
      await bench.kinds(),
      /^! The root disk of athena has 12 GiB and cannot shrink to 5\. Write disk_gib: 12/,
    );
  });

  it('repairs what somebody changed behind its back, and only that', async () => {
    await bench.apply();
    const halve = (xml: string): string => xml.replaceAll("unit='MiB'>3072<", "unit='MiB'>1536<");
    bench.r420.edit('athena', 'defined', halve);
    const [edited] = await bench.apply();
    assert.deepEqual(
      edited?.steps.map(({ kind, effect, detail }) => `${kind}, ${effect}: ${detail}`),
      ['define, in place: memory is 1536 MiB and not 3072 (changed outside of Olympus)'],
    );
    const change = { field: 'memory_mib', before: 1536, after: 3072, cause: 'outside' };
    assert.deepEqual(edited?.changes, [{ ...change, effect: 'in place' }]);

    bench.r420.edit('athena', 'defined', halve);
    bench.r420.edit('athena', 'live', halve);
    assert.equal(await bench.kinds(), 'stop define start');

    await bench.r420.setAutostart('athena', false);
    assert.equal(await bench.kinds(), 'autostart');
  });

  it('gives back the memory that somebody took from a running machine', async () => {
    await bench.apply();
    const lower = (xml: string): string =>
      xml.replace(/<currentMemory unit='MiB'>\d+/, "<currentMemory unit='MiB'>1024");
    bench.r420.edit('athena', 'live', lower);

    const [lowered] = await bench.apply({ dryRun: true });

    const change = { field: 'memory_mib', before: 1024, after: 3072, cause: 'outside', effect: 'in place' };
    assert.deepEqual(lowered?.changes, [change]);
    assert.deepEqual(
      lowered?.steps.map(({ kind }) => kind),
      ['set-memory'],
    );
  });

  it('says of each field what it takes, each once', async () => {
    await bench.apply();
    bench.change({ memoryMib: 4096, vcpus: 4, diskGib: 20 });
    const takes = async (options: object = {}): Promise<string[]> => {
      const found = await bench.apply({ dryRun: true, ...options });
      return found.flatMap(({ changes }) =>
        changes.map(({ field, before, after, effect }) => `${field} ${before} → ${after}, ${effect}`),
      );
    };
    const wanted = (effect: string): string[] => [
      `vcpus 1 → 4, ${effect}`,
      `memory_mib 3072 → 4096, ${effect}`,
      'disk_gib 12 → 20, in place',
    ];

    assert.deepEqual(await takes(), wanted('restart'));
    const [first, second, third] = wanted('restart');
    const image = 'vm_image_file base.qcow2 → other.qcow2, replace';
    assert.deepEqual(await takes({ image: 'other.qcow2', replace: ['athena'] }), [
      first,
      second,
      image,
      third,
    ]);
    await bench.r420.powerOff('athena');
    assert.deepEqual(await takes(), wanted('in place'), 'it is off anyway');
    await bench.apply();
    assert.deepEqual(await takes(), []);
  });
});
