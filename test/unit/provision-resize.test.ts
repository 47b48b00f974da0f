import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { InventoryError } from '#provision/inventory/finding.ts';
import { readInventory } from '#provision/inventory/read-inventory.ts';
import { type Resize, resizeMachine } from '#provision/inventory/resize.ts';
import { runCli } from '#test/cli-here.ts';
import { ROOT, writeSmallFleet } from '#test/provision/small-fleet.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const OPTIONS = { root: ROOT, alsoKnown: new Set<string>() };

describe('another size of a machine', () => {
  let dir: TempDir;
  let hosts: string;
  beforeEach(async () => {
    dir = await tempDir('resize');
    writeSmallFleet(dir.path);
    hosts = path.join(dir.path, 'hosts.yml');
  });
  afterEach(() => dir[Symbol.asyncDispose]());

  const resize = (machine: string, size: Resize): boolean => resizeMachine(dir.path, machine, size, OPTIONS);
  const sizeOf = (name: string) => {
    const machine = readInventory(dir.path, OPTIONS).machines.find((each) => each.name === name);
    return machine && [machine.vcpus, machine.memoryMib, machine.diskGib, machine.dataGib];
  };
  /** The lines of hosts.yml that are not as they were. */
  const changed = (before: string): string[] => {
    const lines = before.split('\n');
    return readFileSync(hosts, 'utf8')
      .split('\n')
      .filter((line) => !lines.includes(line));
  };

  it('is written where it stands, and every other byte stays', () => {
    const before = `# a fleet\n${readFileSync(hosts, 'utf8').replace('    athena:', '    # first\n    athena:')}\n\n# end`;
    writeFileSync(hosts, before);

    assert.equal(resize('athena', { memory_mib: 4000, disk_gib: 20 }), true);

    assert.deepEqual(sizeOf('athena'), [1, 4000, 20, 4]);
    assert.deepEqual(changed(before), [
      '    athena: {host: r420, address: 10.220.1.50, vcpus: 1, memory_mib: 4000, disk_gib: 20, data_gib: 4}',
    ]);
    assert.equal(readFileSync(hosts, 'utf8').length, before.length);
    assert.equal(resize('athena', { memory_mib: 4000 }), false);
  });

  it('is added in either style where it was not given, and a profile takes the place of what it stands for', () => {
    writeFileSync(
      hosts,
      readFileSync(hosts, 'utf8')
        .replace('memory_gib: 4, vcpus: 2, disk_gib: 40', 'memory_gib: 64, vcpus: 8, disk_gib: 900')
        .replace('memory_gib: 6, vcpus: 2, disk_gib: 60', 'memory_gib: 64, vcpus: 8, disk_gib: 900')
        .replace(', disk_gib: 12, data_gib: 4}', '} # of athena')
        .replace('      memory_mib: 3072\n', '      memory_mib: 3072 # little\n')
        .replace('      disk_gib: 12\n      data_gib: 4\n', '      disk_gib: 12 # too\n'),
    );
    const before = readFileSync(hosts, 'utf8');

    resize('athena', { data_gib: 7 });
    resize('apollo', { data_gib: 30 });
    assert.deepEqual(changed(before), [
      '    athena: {host: r420, address: 10.220.1.50, vcpus: 1, memory_mib: 3072, data_gib: 7} # of athena',
      '      data_gib: 30',
    ]);
    resize('athena', { profile: 'light' });
    resize('apollo', { profile: 'medium', vcpus: 6 });
    assert.deepEqual(
      [sizeOf('athena'), sizeOf('apollo')],
      [
        [2, 8192, 250, 7],
        [6, 16_384, 12, 30],
      ],
    );
    assert.match(
      readFileSync(hosts, 'utf8'),
      /athena: \{host: r420, address: 10\.220\.1\.50, data_gib: 7, profile: light\} # of/,
    );
  });

  it('is not written when it does not fit, and says why', () => {
    const before = readFileSync(hosts, 'utf8');

    assert.throws(
      () => resize('athena', { memory_mib: 5000 }),
      (error: Error) => {
        assert.ok(error instanceof InventoryError);
        assert.match(
          error.message,
          /hosts\.yml:4:\d+: r420\.memory_gib: athena want 5000 MiB of memory of r420, which has 4096/,
        );
        return true;
      },
    );
    assert.equal(readFileSync(hosts, 'utf8'), before);
  });

  it('is asked for by olympus resize, which wants one, and a machine that there is', async () => {
    const run = (...args: string[]) => runCli(['resize', ...args, '--no-apply', '--inventory', dir.path]);

    assert.equal((await run('athena', '--vcpus', '2')).code, 0);
    assert.equal(sizeOf('athena')?.[0], 2);
    assert.match((await run('athena', '--vcpus', '2')).stderr, /has this size already/);
    for (const [args, sentence] of [
      [['athena'], /No size is given\. Say --profile/],
      [['zeus', '--vcpus', '2'], /There is no machine zeus .* It has hub, athena, apollo/],
      [['athena', '--memory', '4G'], /Write a whole number/],
      [['athena', '--disk', '8'], /root disk of athena has 12 GiB, and a disk never shrinks/],
    ] as const) {
      const { code, stderr } = await run(...args);
      assert.equal(code, 2);
      assert.match(stderr, sentence);
    }
    const { code, stderr } = await run('athena', '--memory', '5000');
    assert.equal(code, 1);
    assert.match(stderr, /cannot be used:\n.*athena want 5000 MiB/);
    assert.match((await runCli(['resize', '--help'])).stdout, /\$ olympus resize athena/);
  });
});
