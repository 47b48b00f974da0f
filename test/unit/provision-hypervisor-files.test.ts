import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Shell, ShellResult } from '#integrations/libvirt/hypervisor.ts';
import { HypervisorFiles } from '#integrations/libvirt/hypervisor-files.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const { signal } = new AbortController();

describe('the files of a hypervisor', () => {
  let dir: TempDir;
  let bin: string;

  before(async () => {
    dir = await tempDir('hypervisor files');
    bin = path.join(dir.path, 'bin');
    mkdirSync(bin);
    // Stands for qemu-img: writes what it was asked, so that the scripts around it run for real.
    const program = path.join(bin, 'qemu-img');
    writeFileSync(
      program,
      '#!/bin/sh\nfor last; do file=$after; after=$last; done\n[ "$1" = create ] && echo "$*" > "$file"\nexit 0\n',
    );
    chmodSync(program, 0o755);
  });
  after(() => dir[Symbol.asyncDispose]());

  /** Runs the scripts on this machine. */
  const run: Shell['run'] = (program, args, { input }) => {
    const { promise, resolve } = Promise.withResolvers<ShellResult>();
    const env = { PATH: `${bin}:/usr/bin:/bin` };
    const child = execFile(program, [...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error ? 1 : 0, stdout, stderr });
    });
    child.stdin?.end(input);
    return promise;
  };

  function files(): HypervisorFiles {
    return new HypervisorFiles('here', { run });
  }

  it('are written whole, and for nobody else to read', async () => {
    const file = path.join(dir.path, 'a folder', `it's "quoted" $(here)`);

    await files().write(file, new Uint8Array([0, 255, 10]), signal);

    assert.deepEqual([...readFileSync(file)], [0, 255, 10]);
    assert.deepEqual(readdirSync(path.dirname(file)), [path.basename(file)]);
    assert.equal(await files().size(file, signal), 3);
  });

  it('that were cut on their way never take the place of a whole one', async () => {
    const file = path.join(dir.path, 'cut');
    await files().write(file, 'whole', signal);
    const cut = new HypervisorFiles('here', {
      run: (program, args, options) => run(program, args, { ...options, input: 'ha' }),
    });

    await assert.rejects(cut.write(file, 'half of this', signal), /writing .* failed: not all of .* arrived/);

    assert.equal(readFileSync(file, 'utf8'), 'whole');
    assert.ok(!readdirSync(dir.path).includes('cut.new'));
  });

  it('that are empty are not absent', async () => {
    const file = path.join(dir.path, 'empty');
    await files().write(file, '', signal);

    assert.equal(await files().read(file, signal), '');
    assert.equal(await files().size(file, signal), 0);
    assert.equal(await files().read(`${file}-not`, signal), undefined);
    assert.equal(await files().size(`${file}-not`, signal), undefined);
    assert.deepEqual(await files().tail(`${file}-not`, 5, signal), []);
  });

  it('show their end', async () => {
    const file = path.join(dir.path, 'console');
    await files().write(file, 'one\n\ntwo\nthree\n', signal);

    assert.deepEqual(await files().tail(file, 2, signal), ['two', 'three']);
  });

  it('become disks under their own name only when they are whole', async () => {
    const file = path.join(dir.path, 'machine', 'root.qcow2');

    await files().createOverlay(file, '/images/base.qcow2', 12, signal);

    assert.match(
      readFileSync(file, 'utf8'),
      /create -q -f qcow2 -F qcow2 -b \/images\/base\.qcow2 .*\.new\.\d+ 12G/,
    );
    assert.deepEqual(readdirSync(path.dirname(file)), ['root.qcow2']);
  });

  it('are listed, and none are where there is no folder', async () => {
    await files().write(path.join(dir.path, 'listed', 'b'), '', signal);
    await files().write(path.join(dir.path, 'listed', '.a'), '', signal);

    assert.deepEqual(await files().list(path.join(dir.path, 'listed'), signal), ['.a', 'b']);
    assert.deepEqual(await files().list(path.join(dir.path, 'nowhere'), signal), []);
  });

  it('outside of our own folder are never removed or moved', async () => {
    for (const file of [
      '/etc/passwd',
      '/var/lib/olympus',
      '/var/lib/olympus/machines/',
      '/var/lib/olympus/machines/../x',
    ]) {
      await assert.rejects(files().remove(file, signal), /is not a file of a machine/, file);
      const ours = '/var/lib/olympus/machines/x';
      await assert.rejects(files().move(file, ours, signal), /is not a file of a machine/, file);
      await assert.rejects(files().move(ours, file, signal), /is not a file of a machine/, file);
      await assert.rejects(files().putBack(ours, file, signal), /is not a file of a machine/, file);
    }
  });
});
