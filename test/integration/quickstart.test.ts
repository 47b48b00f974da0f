import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';

const call = promisify(execFile);
const QUICKSTART = path.resolve(import.meta.dirname, '../../scripts/quickstart');
const INSTALL = path.resolve(import.meta.dirname, '../../scripts/lib/install.sh');

describe('scripts/quickstart', () => {
  it('explains itself', async () => {
    const { stdout } = await call(QUICKSTART, ['--help']);
    assert.match(stdout, /^Usage: scripts\/quickstart/);
    assert.match(stdout, /--agents/);
  });

  it('refuses what it does not know before it does anything', async () => {
    const refused = call(QUICKSTART, ['--agent', 'athena']);
    await assert.rejects(refused, { code: 2, stderr: /--agent is not an option\. See .*--help/ });
    await assert.rejects(call(QUICKSTART, ['--agents']), { stderr: /--agents needs names/ });
    await assert.rejects(call(QUICKSTART, ['--chat-url']), { stderr: /--chat-url needs an address/ });
  });

  it('says on the terminal which phase failed and why, not in the log alone', async () => {
    await using dir = await tempDir('quickstart');
    await cp(path.dirname(QUICKSTART), path.join(dir.path, 'scripts'), { recursive: true });
    await writeFile(path.join(dir.path, 'npm'), '#!/bin/sh\necho no route to the registry >&2\nexit 1\n', {
      mode: 0o755,
    });
    const env = { ...process.env, PATH: `${dir.path}:${process.env['PATH']}`, OLYMPUS_CACHE_DIR: dir.path };

    await assert.rejects(call(path.join(dir.path, 'scripts', 'quickstart'), { env }), (error) => {
      const { code, stderr } = error as { code: number; stderr: string };
      assert.equal(code, 1);
      assert.match(stderr, /✗ Install the npm dependencies +\d+ s\nquickstart: .+\n/);
      assert.match(stderr, /last lines of .*quickstart\.log:\n[\s\S]*no route to the registry/);
      return true;
    });
  });

  it('takes the guard that an interrupted installation left for its own, and no other', async () => {
    await using dir = await tempDir('guard');
    const guard = path.join(dir.path, 'policy-rc.d');
    const isOurs = () =>
      call('bash', ['-c', `source ${INSTALL}; guard_is_ours ${guard} && echo yes || echo no`]).then(
        ({ stdout }) => stdout.trim(),
      );
    assert.equal(await isOurs(), 'yes');
    await writeFile(guard, '#!/bin/sh\n# Made by Olympus for the time of one installation.\nexit 101\n');
    assert.equal(await isOurs(), 'yes');
    await writeFile(guard, '#!/bin/sh\nexit 0\n');
    assert.equal(await isOurs(), 'no');
  });

  it('takes the guard away also when the installation is interrupted', async () => {
    await using dir = await tempDir('guard');
    const guard = path.join(dir.path, 'guard');
    // What would touch the machine is kept in a folder; the installation takes until it is interrupted.
    const script = `source ${INSTALL}; enabled_units() { :; }; guard_is_ours() { :; }
      as_root() { case $1 in tee) cat >${guard};; rm) rm -f ${guard};; env) sleep 60;; esac; }
      install_packages nothing`;
    const child = spawn('bash', ['-c', script], { detached: true, stdio: 'ignore' });
    const ended = once(child, 'exit');
    const asleep = () =>
      call('pgrep', ['-g', String(child.pid), '-x', 'sleep']).then(
        () => true,
        () => false,
      );
    await waitFor('the installation to run', asleep);
    assert.equal(existsSync(guard), true);
    process.kill(-Number(child.pid), 'SIGINT');
    await ended;
    await waitFor('the guard to be gone', () => !existsSync(guard));
  });

  it('installs only packages whose program is missing, each once', async () => {
    const { stdout } = await call('bash', [
      '-c',
      `source ${INSTALL}; packages_missing bash=bash no-such-a=thing no-such-b=thing no-such-c=another`,
    ]);
    assert.deepEqual(stdout.trim().split('\n'), ['another', 'thing']);
  });
});
