import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runCli } from '#test/cli-here.ts';
import { writeSmallFleet } from '#test/provision/small-fleet.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

describe('the command line of machines', () => {
  let dir: TempDir;
  let inventory: string;

  before(async () => {
    dir = await tempDir('machines cli');
    inventory = path.join(dir.path, 'inventory');
    writeSmallFleet(inventory);
  });
  after(() => dir[Symbol.asyncDispose]());

  const run = (...args: readonly string[]) => runCli(args, { stateDir: path.join(dir.path, 'state') });

  for (const command of [
    'inventory check',
    'ssh-config',
    'secrets init',
    'plan',
    'apply',
    'destroy',
    'undo',
  ]) {
    it(`has help with an example for ${command}`, async () => {
      const { code, stdout } = await run(...command.split(' '), '--help');

      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`\\$ olympus ${command}`));
    });

    it(`wants an inventory for ${command}`, async () => {
      const { code, stderr } = await run(...command.split(' '));

      assert.equal(code, 2);
      assert.match(stderr, /required option '--inventory <folder>'/);
    });
  }

  it('tells a good inventory from one with a typo, also for scripts', async () => {
    assert.deepEqual(await run('inventory', 'check', '--inventory', inventory), {
      code: 0,
      stdout: `✓ ${inventory}: fleet olympus, 3 machines on 2 hypervisors.\n`,
      stderr: '',
    });

    const file = path.join(dir.path, 'typo', 'hosts.yml');
    writeSmallFleet(path.dirname(file));
    writeFileSync(file, readFileSync(file, 'utf8').replace('memory_gib: 4', 'memory_gb: 4'));
    const { code, stdout } = await run('inventory', 'check', '--inventory', path.dirname(file), '--json');
    assert.equal(code, 1);
    const { ok, findings } = JSON.parse(stdout);
    assert.equal(ok, false);
    assert.deepEqual(
      { ...findings[0], message: '' },
      {
        severity: 'error',
        file,
        line: 4,
        column: 33,
        field: 'r420.memory_gb',
        message: '',
        meant: 'memory_gib',
      },
    );
  });

  it('does nothing with an inventory that is wrong, and says all that is', async () => {
    const { code, stderr } = await run('apply', '--inventory', path.join(dir.path, 'typo'));

    assert.equal(code, 1);
    assert.match(
      stderr,
      /hosts\.yml:4:33: r420\.memory_gb: there is no such field\. Did you mean memory_gib\?/,
    );
  });

  it('writes the SSH configuration once', async () => {
    const first = await run('ssh-config', '--inventory', inventory, '--json');
    const second = await run('ssh-config', '--inventory', inventory, '--json');

    assert.equal(JSON.parse(first.stdout).changed, true);
    assert.equal(JSON.parse(second.stdout).changed, false);
  });

  const WRONG: readonly [args: readonly string[], sentence: RegExp][] = [
    [
      ['plan', '--machine', 'athene'],
      /There is no machine athene in the inventory\. It has hub, athena, apollo\./,
    ],
    [['apply', '--replace', 'athene', '--dry-run'], /There is no machine athene/],
    [['apply', '--machine', 'athena;reboot'], /Write the name of a machine\./],
    [['destroy'], /No machine is named\. Name what is to go/],
    [
      ['destroy', '--machine', 'athena'],
      /takes athena of the fleet olympus away, and keeps the disks for 24 hours\. .* --yes/,
    ],
    [['destroy', '--machine', '*', '--yes'], /Write the name of a machine\./],
  ];
  for (const [args, sentence] of WRONG) {
    it(`refuses ${args.join(' ')}`, async () => {
      const [command = '', ...rest] = args;
      const { code, stderr } = await run(command, '--inventory', inventory, ...rest);

      assert.equal(code, 2);
      assert.match(stderr, sentence);
    });
  }
});
