import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { LabError } from '#lab/lab-error.ts';
import { readLabState, writeLabState } from '#lab/lab-state.ts';
import { lookAtLab } from '#lab/lab-status.ts';
import { recordOf } from '#lab/process-record.ts';
import { HYPERVISORS, networksOf, processesOf, TestLab, TINY_DOMAIN, wordsOf } from '../support/lab.ts';
import { waitFor } from '../support/wait.ts';

const run = promisify(execFile);
const never = new AbortController().signal;
const [r420] = HYPERVISORS;

describe('a lab', function () {
  this.timeout(120_000);
  before(function () {
    if (process.getuid?.() !== 0) this.skip(); // It consists of namespaces, which take root.
  });

  it('leaves nothing: no process, namespace, link, mount or file, with a machine running', async () => {
    await using lab = await TestLab.make();
    const links = await machineLinks();
    await lab.raise();
    await lab.ssh(r420, `cat >/root/tiny.xml <<'END'\n${TINY_DOMAIN}\nEND\nvirsh create /root/tiny.xml`);
    const networks = networksOf(lab.names);
    const words = wordsOf(lab.names);
    const running = processesOf(networks, words);

    const { code } = await lab.olympus('lab', 'down', '--yes');

    assert.ok(
      running.some((each) => each.includes('qemu-system')),
      running.join('\n'),
    );
    assert.equal(code, 0);
    assert.equal(networks.length, 3);
    await waitFor('every process to end', () => processesOf(networks, words).length === 0);
    assert.deepEqual(namespaces(lab), []);
    assert.deepEqual(await machineLinks(), links);
    assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(lab.names.id), false);
    assert.deepEqual(
      readdirSync(lab.folder).filter((name) => name !== 'cache'),
      [],
    );
    assert.deepEqual(
      readdirSync('/run').filter((name) => name.includes(lab.names.id)),
      [],
    );
  });

  it('may be taken down twice, and before it ever was up', async () => {
    await using lab = await TestLab.make();
    await lab.raise();

    const answers = [await lab.down(), await lab.down()].map(({ changed }) => changed);

    assert.deepEqual(answers, [true, false]);
    const { code, stdout } = await lab.olympus('lab', 'down', '--yes');
    assert.equal(code, 0);
    assert.match(stdout, /nothing to do/);
  });

  it('keeps what was in the state directory before it', async () => {
    await using lab = await TestLab.make();
    const { stateDir } = lab.names;
    mkdirSync(stateDir, { recursive: true });
    writeFileSync(path.join(stateDir, 'secrets.yml'), 'mine');
    writeFileSync(path.join(stateDir, 'notes'), 'mine');
    await lab.raise();

    await lab.down();

    assert.deepEqual(readdirSync(stateDir).toSorted(), ['notes', 'secrets.yml']);
  });

  it('is found and ended by its id alone, without its files', async () => {
    await using lab = await TestLab.make();
    await lab.raise();
    const networks = networksOf(lab.names);
    rmSync(lab.names.stateDir, { recursive: true });

    await lab.down();

    await waitFor(
      'every process to end',
      () => processesOf(networks, [`olympus-${lab.names.id}`]).length === 0,
    );
    assert.deepEqual(namespaces(lab), []);
  });

  it('is brought up from wherever an interrupted start had come to', async () => {
    await using lab = await TestLab.make();
    for (const afterMs of [150, 300, 450, 600, 900]) {
      await lab.raise({ signal: AbortSignal.timeout(afterMs) }).catch((error: unknown) => {
        assert.equal((error as Error).name, 'TimeoutError');
      });
    }

    await lab.raise();

    assert.equal((await lookAtLab(lab.names.stateDir, never)).state, 'up');
    const ofR420 = processesOf([], [`${lab.names.stateDir}/lab/hypervisors/r420`]);
    const inits = ofR420.filter((each) => each.includes('unshare --mount'));
    assert.equal(inits.length, 1, inits.join('\n'));
  });

  it('stands beside another one with the same names and addresses', async () => {
    await using first = await TestLab.make();
    await using second = await TestLab.make();
    await Promise.all([first.raise(), second.raise()]);

    await first.ssh(r420, 'touch /var/lib/olympus/first');
    await first.down();

    assert.equal((await lookAtLab(first.names.stateDir, never)).state, 'down');
    assert.equal((await lookAtLab(second.names.stateDir, never)).state, 'up');
    assert.equal(await second.ssh(r420, 'ls /var/lib/olympus'), '');
  });

  it('is brought up after a reboot, which leaves the names of namespaces and nothing behind them', async () => {
    await using lab = await TestLab.make();
    await lab.raise();
    await lab.down();
    mkdirSync('/run/netns', { recursive: true });
    writeFileSync(path.join('/run/netns', lab.names.switchNamespace), '');
    writeFileSync(path.join('/run/netns', lab.names.namespaceOf('r420')), '');

    await lab.raise();

    assert.equal((await lookAtLab(lab.names.stateDir, never)).state, 'up');
  });

  it('refuses a namespace that has its name and is not its own, and leaves it as it is', async () => {
    await using lab = await TestLab.make();
    const name = lab.names.namespaceOf('r420');
    await run('ip', ['netns', 'add', name]);
    try {
      await run('ip', ['-n', name, 'link', 'set', 'dev', 'lo', 'alias', 'mine']);

      await assert.rejects(lab.raise(), (error: unknown) => {
        assert.ok(error instanceof LabError);
        assert.match(error.message, new RegExp(`There is a network namespace ${name} already`));
        assert.match(error.remedy, /ip netns delete/);
        return true;
      });
      await assert.rejects(lab.down(), /is not of this lab, so it stays/);
    } finally {
      await run('ip', ['netns', 'delete', name]);
    }
  });

  it('never ends a process that was given the number of one of its own', async () => {
    await using lab = await TestLab.make();
    await lab.raise();
    const stranger = spawn('sleep', ['300'], { stdio: 'ignore' });
    try {
      const state = readLabState(lab.names);
      const before = state?.hypervisors['r420']?.process;
      assert.ok(state && before && stranger.pid);
      state.hypervisors['r420'] = { ...r420, process: { ...before, pid: stranger.pid } };
      writeLabState(lab.names, state);

      await lab.down();

      assert.ok(recordOf(stranger.pid));
      assert.equal(stranger.exitCode, null);
    } finally {
      stranger.kill('SIGKILL');
    }
  });
});

function namespaces(lab: TestLab): string[] {
  const names = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  return names.filter((name) => name.includes(lab.names.id));
}

async function machineLinks(): Promise<string> {
  return (await run('ip', ['-oneline', '-brief', 'link', 'show'])).stdout;
}
