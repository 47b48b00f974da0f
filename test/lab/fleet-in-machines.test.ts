import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { noteForFailure } from '#test/failure-notes.ts';
import { networksOf, processesOf, wordsOf } from '#test/lab.ts';
import { Person } from '#test/person.ts';
import { keepPicture, LoginSpentError, seeDashboard, startBrowser } from '../integration/browser.ts';
import { openDashboard } from '../integration/dashboard-call.ts';
import { LabWithMachines, quoted } from './machines.ts';
import { changesIn, runReset, runSetup } from './setup-run.ts';

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
  let lab: LabWithMachines;
  before(async function () {
    this.timeout(45 * MINUTE_MS);
    if (process.getuid?.() !== 0) this.skip(); // A lab takes root.
    lab = await LabWithMachines.prepare();
    await lab.up('athena');
  });
  after(async function () {
    this.timeout(2 * MINUTE_MS);
    await lab?.[Symbol.asyncDispose]();
  });

  afterEach(async function () {
    if (this.currentTest?.state !== 'failed') return;
    const { text } = await lab.on('athena', 'journalctl -u olympusd -u openclaw-gateway -n 60 --no-pager');
    noteForFailure('journal of athena', text);
  });

  it('answers a mention', async function () {
    this.timeout(20 * MINUTE_MS);
    const { code, stdout, stderr } = await lab.cli.run(['say', '--timeout', '1080', '@athena hello']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, DIGEST);
  });

  it('shows its chat to a browser, where a person may say what the inventory lets them', async function () {
    this.timeout(5 * MINUTE_MS);
    const { code, stdout, stderr } = await lab.cli.run(['lab', 'chat']);
    assert.equal(code, 0, stderr);
    await using browser = await startBrowser();
    const page = await browser.newPage();
    await page.goto(stdout.trim());
    await page.getByText('human is here').waitFor();
    await page.getByText('@athena hello').waitFor();

    await page.getByLabel('Message').fill('!olympus pause athena to see that I may');
    await page.getByLabel('Message').press('Enter');
    await page.getByText('athena gets no new work').waitFor({ timeout: MINUTE_MS });
    await page.getByLabel('Message').fill('!olympus resume all');
    await page.getByLabel('Message').press('Enter');

    await page.getByText('athena takes work again').waitFor({ timeout: MINUTE_MS });
    await keepPicture(page, 'chat-of-the-lab.png');
  });

  it('takes the press of a button from its chat alone, and no button that it has not made', async function () {
    this.timeout(5 * MINUTE_MS);
    const { stdout } = await lab.cli.run(['lab', 'chat']);
    const { origin, hash } = new URL(stdout.trim());
    const human = await Person.connect(origin, new URLSearchParams(hash.slice(1)).get('token') ?? '');
    const url = 'http://10.220.1.20:8090/chat/press';
    const forged = { id: 'b0', name: 'Approve', integration: { url, context: { verb: 'approve' } } };
    const post = await human.say('press this', { props: { attachments: [{ actions: [forged] }] } });

    const { status } = await human.call('POST', `/posts/${post.id}/actions/b0`, {});

    assert.equal(status, 400, 'nothing is decided');
    const { text: log } = await lab.on('hub', 'journalctl -u olympus-control --no-pager -o cat');
    assert.match(log, /press of a button that was not made here/, 'chat reaches it');
    const program = `fetch('${url}', { method: 'POST' }).then(async (answer) => console.log(await answer.text()))`;
    const { text: refused } = await lab.on('athena', `/opt/olympus/node/bin/node -e ${quoted(program)}`);
    assert.match(refused, /is not an address of the chat server/);
  });

  it('is seen whole by status and doctor', async () => {
    const status = await lab.cli.run(['status']);
    assert.equal(status.code, 0, status.stdout + status.stderr);
    assert.match(status.stdout, /athena/);
    const doctor = await lab.cli.run(['doctor', '--json']);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; ok: boolean }[] };
    assert.ok(checks.length >= 10, doctor.stdout);
    assert.deepEqual(
      checks.filter(({ ok }) => !ok),
      [],
    );
  });

  it("shows athena's dashboard to a browser outside the lab's networks", async function () {
    this.timeout(25 * MINUTE_MS);
    await using browser = await startBrowser();
    const seen = async () => {
      const tunnel = await openDashboard(lab.cli, ['--wait', '240', 'athena'], 8 * MINUTE_MS);
      try {
        await seeDashboard(browser, tunnel.url, 'dashboard-of-a-machine.png');
      } finally {
        await tunnel.close();
      }
    };
    await seen().catch((error: unknown) => {
      if (!(error instanceof LoginSpentError)) throw error;
      return seen();
    });
  });

  it('is recognised by the next lab up, which does nothing', async () => {
    const { recognised, changes } = await lab.cli.json<{ recognised: boolean; changes: object }>('lab', 'up');
    assert.equal(recognised, true);
    assert.deepEqual(changes, {});
  });

  for (const [machine, unit, user] of UNITS) {
    it(`runs ${unit} as ${user}, confined`, async () => {
      const { text } = await lab.on(
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

  it('starts OpenClaw from what the image compiled', async () => {
    // Another version, user or installation of Node or OpenClaw compiles into a folder of its own.
    const folders =
      "find /var/cache/openclaw -type d ! -exec sh -c 'find \"$1\" -mindepth 1 -type d | grep -q .' _ {} ';' -print";
    const { text: innermost } = await lab.on('athena', folders);
    assert.equal(innermost.trim().split('\n').length, 1, innermost);
    const brought = 'find /var/cache/openclaw -type f ! -newer /etc/machine-id | wc -l';
    const { text: files } = await lab.on('athena', brought);
    assert.ok(Number(files) > 1000, files);
  });

  it("keeps the daemon's files and the daemon from the gateway's user", async () => {
    const asOpenclaw = (command: string) =>
      lab.on('athena', `setpriv --reuid openclaw --regid openclaw --init-groups sh -c ${quoted(command)}`);
    const { text: files } = await lab.on(
      'athena',
      'find /etc/olympus/secrets/olympusd /data/olympusd -type f',
    );
    const known = files.trim().split('\n');
    assert.ok(known.length >= 4, files);
    for (const file of known) {
      const read = await asOpenclaw(`cat ${file}`);
      assert.notEqual(read.code, 0, `${file} can be read`);
      assert.match(read.text, /Permission denied|No such file/);
    }
    const { text: pid } = await lab.on('athena', 'systemctl show olympusd -p MainPID --value');
    assert.notEqual((await asOpenclaw(`kill -TERM ${pid.trim()}`)).code, 0);
    assert.notEqual((await asOpenclaw('systemctl stop olympusd')).code, 0);
    assert.notEqual((await asOpenclaw('sudo -n true')).code, 0);
    assert.equal((await lab.on('athena', 'systemctl is-active olympusd')).text.trim(), 'active');
  });

  it('keeps answers and secrets out of the journal', async () => {
    const { text: secrets } = await lab.on('athena', 'cat $(find /etc/olympus/secrets -type f)');
    const { text: journal } = await lab.on('athena', 'journalctl --no-pager -o cat');
    assert.ok(journal.length > 1000);
    assert.doesNotMatch(journal, DIGEST);
    for (const secret of secrets.split(/\s+/).filter((word) => word.length >= 16)) {
      assert.ok(!journal.includes(secret), 'a secret stands in the journal');
    }
  });

  it('changes nothing when it is set up again, and exactly what was edited behind its back', async function () {
    this.timeout(30 * MINUTE_MS);
    const log = path.join(lab.names.stateDir, 'logs/second-setup.log');
    const again = await runSetup(lab.names.stateDir, log);
    assert.deepEqual(changesIn(await readFile(log, 'utf8')), { tasks: [], files: [] });
    assert.deepEqual(again, { hub: 0, athena: 0, r420: 0, r720xd: 0 });

    await lab.on('athena', 'echo "# edited" >> /etc/olympus/olympusd.env');
    await lab.on('athena', 'sed -i s/^Restart=.*/Restart=no/ /etc/systemd/system/olympusd.service');
    assert.equal(
      (await lab.onHypervisor('r720xd', 'virsh -c qemu:///system setmem hub 1048576 --config')).code,
      0,
    );
    const drift = path.join(lab.names.stateDir, 'logs/third-setup.log');
    const counts = await runSetup(lab.names.stateDir, drift);
    const changed = changesIn(await readFile(drift, 'utf8'));
    assert.deepEqual([counts['r420'], counts['r720xd']], [0, 0]);
    assert.deepEqual(changed.files, ['/etc/olympus/olympusd.env', '/etc/systemd/system/olympusd.service']);
    const elsewhere = changed.tasks.filter((task) => !/^athena: agent : |machines of r720xd/.test(task));
    assert.deepEqual(elsewhere, []);
    assert.ok(
      changed.tasks.some((task) => task.includes('machines of r720xd')),
      changed.tasks.join('\n'),
    );
    assert.equal((await lab.on('athena', 'grep -c edited /etc/olympus/olympusd.env')).text.trim(), '0');
    assert.equal((await lab.on('hub', 'systemctl is-active olympus-control')).text.trim(), 'active');
  });

  it('goes away by reset.yml, which then finds nothing to do', async () => {
    const files = async (): Promise<string> =>
      (await lab.onHypervisor('r420', 'find /var/lib/olympus -type f')).text.trim();
    const first = await runReset(lab.names.stateDir);
    const { text: machines } = await lab.onHypervisor('r420', 'virsh -c qemu:///system list --all --name');
    const kept = await files();
    const again = await runReset(lab.names.stateDir);
    const last = await runReset(lab.names.stateDir, '-e', 'vm_purge=true');

    assert.match(first, /athena +: .*changed=[1-9]/);
    assert.equal(machines.trim(), '');
    assert.match(kept, /^\/var\/lib\/olympus\/machines\/\.trash\/athena\/[\dT.]+Z\/data\.qcow2$/m);
    assert.doesNotMatch(kept, /\/machines\/athena\//);
    assert.doesNotMatch(again, /changed=[1-9]/);
    assert.match(last, /r420 +: .*changed=[1-9]/);
    assert.equal(await files(), '');
  });

  it('leaves nothing when it is taken down', async () => {
    const networks = networksOf(lab.names);
    const words = wordsOf(lab.names);
    assert.ok(processesOf(networks, words).length > 0);
    const { code, stderr } = await lab.cli.run(['lab', 'down', '--yes']);
    assert.equal(code, 0, stderr);
    assert.deepEqual(processesOf(networks, words), []);
    const { stdout: namespaces } = await call('ip', ['netns', 'list']);
    assert.ok(!namespaces.includes(lab.names.id));
    assert.ok(!(await readFile('/proc/self/mountinfo', 'utf8')).includes(lab.names.stateDir));
  });
});
