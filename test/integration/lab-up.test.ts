import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { labNames } from '#lab/lab-names.ts';
import { agentsSetUp, noteSetUp, wantedDigest } from '#lab/up/finished.ts';
import { machinesRun } from '#lab/up/lab-up.ts';
import { PlaybookOutput, runPlaybook } from '#lab/up/playbook.ts';
import { checkRoom } from '#lab/up/room.ts';
import { tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';

const call = promisify(execFile);

describe('bringing a lab up', () => {
  it('does not take a lab for running of which a machine is off or missing', () => {
    const view = (running: boolean) => ({
      hypervisors: [
        { name: 'r420', address: '10.220.1.7', machines: [{ name: 'athena', running }] },
        { name: 'r720xd', address: '10.220.1.10', machines: [{ name: 'hub', running: true }] },
      ],
    });
    assert.equal(machinesRun(view(true), [{ name: 'hub' }, { name: 'athena' }]), true);
    assert.equal(machinesRun(view(false), [{ name: 'hub' }, { name: 'athena' }]), false);
    assert.equal(machinesRun(view(true), [{ name: 'hub' }, { name: 'apollo' }]), false);
  });

  it('ends a playbook with everything that it started when it is interrupted', async () => {
    await using dir = await tempDir('playbook');
    const playbook = path.join(dir.path, 'slow.yml');
    const marker = `86${process.pid}`;
    writeFileSync(
      playbook,
      `- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n    - {name: Wait, ansible.builtin.command: sleep ${marker}}\n`,
    );
    const interrupted = new AbortController();
    const begun = Promise.withResolvers<void>();
    const run = runPlaybook({
      root: dir.path,
      playbook,
      inventory: 'localhost,',
      limit: [],
      stateDir: dir.path,
      env: { PATH: process.env['PATH'], HOME: dir.path },
      logFile: path.join(dir.path, 'log'),
      report: { phase: () => undefined, detail: () => begun.resolve() },
      signal: interrupted.signal,
    });
    run.catch(() => undefined);
    await begun.promise;
    const sleeping = () =>
      call('pgrep', ['-f', `^sleep ${marker}`]).then(
        () => true,
        () => false,
      );
    await waitFor('the task to run', sleeping, { timeoutMs: 20_000 });
    interrupted.abort(new Error('Ctrl-C'));
    await assert.rejects(run, /Ctrl-C/);
    assert.equal(await sleeping(), false);
  });

  it('reads plays, tasks, changes and the first failure out of what Ansible prints', () => {
    const told: string[] = [];
    const output = new PlaybookOutput({
      phase: (name) => told.push(`phase ${name}`),
      detail: (text) => told.push(text),
    });
    for (const line of `
PLAY [Prepare every machine] ***************************************************

TASK [base : Write the settings] ***********************************************
changed: [hub]
fatal: [athena]: FAILED! => {"changed": false, "msg": "The file is missing.\\nMake it."}
failed: [hub] (item=x) => {"msg": "later"}
PLAY RECAP *********************************************************************
athena                     : ok=6    changed=1    unreachable=0    failed=1
hub                        : ok=7    changed=0    unreachable=0    failed=0
`.split('\n')) {
      output.take(line);
    }
    assert.deepEqual(told, ['phase Prepare every machine', 'base : Write the settings']);
    assert.equal(output.failure, 'athena: base : Write the settings: The file is missing.\nMake it.');
    assert.deepEqual(output.changes, { athena: 1, hub: 0 });
  });

  it('does not name a failure that a task allows', () => {
    const output = new PlaybookOutput({ phase: () => undefined, detail: () => undefined });
    output.take('TASK [vm : Look for the machine] ****');
    output.take('fatal: [r420]: FAILED! => {"msg": "not there"}');
    output.take('...ignoring');
    output.take('TASK [vm : Make the machine] ****');
    output.take('fatal: [r420]: FAILED! => {"msg": "no image"}');
    output.take('TASK [vm : Look at another] ****');
    output.take('fatal: [r720xd]: FAILED! => {"msg": "not there"}');
    output.take('...ignoring');
    assert.equal(output.failure, 'r420: vm : Make the machine: no image');
  });

  it('does not name a failure that a block has rescued', () => {
    const output = new PlaybookOutput({ phase: () => undefined, detail: () => undefined });
    for (const line of `
TASK [image : Copy it under a preliminary name] ****
fatal: [r720xd]: FAILED! => {"msg": "connection refused"}
TASK [image : Download the image] ****
fatal: [r720xd]: FAILED! => {"msg": "no such host"}
PLAY RECAP ****
r420                       : ok=9    changed=1    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0
r720xd                     : ok=7    changed=0    unreachable=0    failed=1    skipped=2    rescued=1    ignored=0
`.split('\n')) {
      output.take(line);
    }
    assert.equal(output.failure, 'r720xd: image : Download the image: no such host');
  });

  it('names an unreachable host, and prefers what a program said to its exit code', () => {
    const silent = { phase: () => undefined, detail: () => undefined };
    const unreachable = new PlaybookOutput(silent);
    unreachable.take(
      'fatal: [hub]: UNREACHABLE! => {"changed": false, "msg": "Host key verification failed."}',
    );
    assert.match(unreachable.failure ?? '', /^hub: .*Host key verification failed\.$/);
    const program = new PlaybookOutput(silent);
    program.take('fatal: [hub]: FAILED! => {"msg": "non-zero return code", "stderr": "olympus: no image"}');
    assert.match(program.failure ?? '', /olympus: no image$/);
  });

  it('refuses a machine without the memory or the disk, and says how much is needed', () => {
    const machine = { name: 'hub', memoryMib: 1536 } as Parameters<typeof checkRoom>[1][number];
    const enough = { freeMemoryMib: 8192, freeDiskMib: 40_000 };
    checkRoom(enough, [machine]);
    assert.throws(
      () => checkRoom({ ...enough, freeMemoryMib: 1024 }, [machine]),
      /need 2\.3 GiB of memory, and 1\.0 GiB/,
    );
    assert.throws(() => checkRoom({ ...enough, freeDiskMib: 2048 }, [machine]), /needs 8\.0 GiB of disk/);
  });

  it('recognises agents set up with the same content, and no others', async () => {
    await using dir = await tempDir('finished');
    const names = labNames(path.join(dir.path, 'state'));
    mkdirSync(names.dir, { recursive: true });
    for (const folder of ['ansible', 'inventory/lab', 'cloud-init', 'agents', 'src']) {
      mkdirSync(path.join(dir.path, folder), { recursive: true });
    }
    writeFileSync(path.join(dir.path, 'package-lock.json'), '{}');
    writeFileSync(path.join(dir.path, 'src', 'a.ts'), 'a');
    const digest = () => wantedDigest({ root: dir.path, imageSha256: 'x', words: [] });

    const first = digest();
    noteSetUp(names, first, ['athena']);
    noteSetUp(names, first, ['apollo']);
    assert.deepEqual(agentsSetUp(names, first), ['apollo', 'athena']);
    assert.equal(digest(), first);
    mkdirSync(path.join(dir.path, 'ansible', '__pycache__'));
    writeFileSync(path.join(dir.path, 'ansible', '__pycache__', 'plugin.pyc'), 'compiled');
    assert.equal(digest(), first);

    writeFileSync(path.join(dir.path, 'src', 'a.ts'), 'b');
    assert.notEqual(digest(), first);
    assert.deepEqual(agentsSetUp(names, digest()), []);
    noteSetUp(names, digest(), ['athena']);
    assert.deepEqual(agentsSetUp(names, digest()), ['athena']);
  });
});
