import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type LabNames, labNames } from '#lab/lab-names.ts';
import { networksOf, processesOf, wordsOf } from '#test/lab.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { CliCaller } from '../integration/cli-call.ts';
import { changesIn, runSetup } from './setup-run.ts';

const call = promisify(execFile);
const MINUTE_MS = 60_000;
const DIGEST = /prompt-digest: [0-9a-f]{64}/;

/** Units of ours, and the one of OpenClaw, with the machine each runs on and the user it runs as. */
const UNITS = [
  ['hub', 'nats-server', 'nats'],
  ['hub', 'olympus-control', 'olympus'],
  ['athena', 'openclaw-gateway', 'openclaw'],
  ['athena', 'olympusd', 'olympusd'],
] as const;

describe('a fleet in virtual machines', () => {
  let dir: TempDir;
  let names: LabNames;
  let cli: CliCaller;
  before(async function () {
    this.timeout(25 * MINUTE_MS);
    dir = await tempDir('fleet');
    const stateDir = path.join(dir.path, 'state');
    await mkdir(path.join(stateDir, 'logs'), { recursive: true });
    names = labNames(stateDir);
    cli = new CliCaller(stateDir);
    const up = await cli.run(['lab', 'up', '--agents', 'athena']);
    process.stdout.write(up.stderr.replaceAll(/^/gm, '      '));
    assert.equal(up.code, 0, up.stderr);
  });
  after(async function () {
    this.timeout(2 * MINUTE_MS);
    await cli?.run(['lab', 'down', '--yes']);
    await dir?.[Symbol.asyncDispose]();
  });

  /** Runs a command as root on a machine and returns what it printed and how it ended. */
  async function on(machine: string, command: string): Promise<{ code: number; text: string }> {
    const args = [
      '-F',
      path.join(names.stateDir, 'ssh/config'),
      machine,
      `sudo sh -c ${quoted(command)} 2>&1`,
    ];
    try {
      return { code: 0, text: (await call('ssh', args, { maxBuffer: 64 * 2 ** 20 })).stdout };
    } catch (error) {
      const { code, stdout } = error as { code: number; stdout: string };
      return { code, text: stdout };
    }
  }

  it('answers a mention', async () => {
    const { code, stdout, stderr } = await cli.run(['say', '--timeout', '480', '@athena hello']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, DIGEST);
  });

  it('is seen whole by status and doctor', async () => {
    const status = await cli.run(['status']);
    assert.equal(status.code, 0, status.stdout + status.stderr);
    assert.match(status.stdout, /athena/);
    const doctor = await cli.run(['doctor', '--json']);
    const { findings } = JSON.parse(doctor.stdout) as { findings: { level: string; text: string }[] };
    assert.deepEqual(
      findings.filter(({ level }) => level === 'error'),
      [],
    );
  });

  it('is recognised by the next lab up, which does nothing', async () => {
    const { recognised, changes } = await cli.json<{ recognised: boolean; changes: object }>('lab', 'up');
    assert.equal(recognised, true);
    assert.deepEqual(changes, {});
  });

  for (const [machine, unit, user] of UNITS) {
    it(`runs ${unit} as ${user}, confined`, async () => {
      const { text } = await on(
        machine,
        `systemctl show ${unit} -p ActiveState,User,Type,WatchdogUSec,MemoryMax,NoNewPrivileges,ProtectSystem,Restart,UnitFileState`,
      );
      const shown = Object.fromEntries(
        text
          .trim()
          .split('\n')
          .map((line) => line.split(/=(.*)/s, 2)),
      );
      assert.equal(shown['ActiveState'], 'active');
      assert.equal(shown['User'], user);
      assert.equal(shown['NoNewPrivileges'], 'yes');
      assert.equal(shown['ProtectSystem'], 'strict');
      assert.equal(shown['UnitFileState'], 'enabled');
      assert.notEqual(shown['MemoryMax'], 'infinity');
      assert.notEqual(shown['Restart'], 'no');
      if (unit.startsWith('olympus')) {
        assert.equal(shown['Type'], 'notify');
        assert.notEqual(shown['WatchdogUSec'], '0');
      }
    });
  }

  it("keeps the daemon's files and the daemon from the gateway's user", async () => {
    const asOpenclaw = (command: string) =>
      on('athena', `setpriv --reuid openclaw --regid openclaw --init-groups sh -c ${quoted(command)}`);
    const { text: files } = await on(
      'athena',
      'find /etc/olympus/secrets/olympusd /var/lib/olympusd -type f',
    );
    const known = files.trim().split('\n');
    assert.ok(known.length >= 4, files);
    for (const file of known) {
      const read = await asOpenclaw(`cat ${file}`);
      assert.notEqual(read.code, 0, `${file} can be read`);
      assert.match(read.text, /Permission denied|No such file/);
    }
    const { text: pid } = await on('athena', 'systemctl show olympusd -p MainPID --value');
    assert.notEqual((await asOpenclaw(`kill -TERM ${pid.trim()}`)).code, 0);
    assert.notEqual((await asOpenclaw('systemctl stop olympusd')).code, 0);
    assert.notEqual((await asOpenclaw('sudo -n true')).code, 0);
    assert.equal((await on('athena', 'systemctl is-active olympusd')).text.trim(), 'active');
  });

  it('keeps answers and secrets out of the journal', async () => {
    const { text: secrets } = await on('athena', 'cat $(find /etc/olympus/secrets -type f)');
    const { text: journal } = await on('athena', 'journalctl --no-pager -o cat');
    assert.ok(journal.length > 1000);
    assert.doesNotMatch(journal, DIGEST);
    for (const secret of secrets.split(/\s+/).filter((word) => word.length >= 16)) {
      assert.ok(!journal.includes(secret), 'a secret stands in the journal');
    }
  });

  it('changes nothing when it is set up again, and exactly what was edited behind its back', async function () {
    this.timeout(20 * MINUTE_MS);
    const log = path.join(names.stateDir, 'logs/second-setup.log');
    assert.deepEqual(await runSetup(names.stateDir, log), { hub: 0, athena: 0, r420: 0, r720xd: 0 });

    await on('athena', 'echo "# edited" >> /etc/olympus/olympusd.env');
    await on('athena', 'sed -i s/^Restart=.*/Restart=no/ /etc/systemd/system/olympusd.service');
    await call('ssh', [
      ...['-F', path.join(names.stateDir, 'ssh/config'), 'r720xd'],
      'virsh -c qemu:///system setmem hub 1048576 --config',
    ]);
    const drift = path.join(names.stateDir, 'logs/third-setup.log');
    const counts = await runSetup(names.stateDir, drift);
    const changes = changesIn(await readFile(drift, 'utf8'));
    assert.deepEqual([counts['r420'], counts['r720xd']], [0, 0]);
    assert.ok(changes.length > 0);
    assert.deepEqual(
      changes.filter((change) => !/olympusd|machines of r720xd/i.test(change)),
      [],
    );
    assert.equal((await on('athena', 'grep -c edited /etc/olympus/olympusd.env')).text.trim(), '0');
    assert.equal((await on('hub', 'systemctl is-active olympus-control')).text.trim(), 'active');
  });

  it('leaves nothing when it is taken down', async () => {
    const networks = networksOf(names);
    const words = wordsOf(names);
    assert.ok(processesOf(networks, words).length > 0);
    const { code, stderr } = await cli.run(['lab', 'down', '--yes']);
    assert.equal(code, 0, stderr);
    assert.deepEqual(processesOf(networks, words), []);
    const { stdout: namespaces } = await call('ip', ['netns', 'list']);
    assert.ok(!namespaces.includes(names.id));
    assert.ok(!(await readFile('/proc/self/mountinfo', 'utf8')).includes(names.stateDir));
  });
});

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
