import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { HypervisorError, type Shell, type ShellResult } from '#integrations/libvirt/hypervisor.ts';
import { HypervisorFiles } from '#integrations/libvirt/hypervisor-files.ts';
import { virshHypervisor } from '#integrations/libvirt/virsh.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const { signal } = new AbortController();

/** A shell that answers each virsh command as written down here, and notes what it was asked. */
function scripted(answers: Readonly<Record<string, Partial<ShellResult>>>): Shell & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    run: async (program, args) => {
      const line = [program, ...args].join(' ').replace(/^env LC_ALL=C virsh .* --quiet /, '');
      asked.push(line);
      const [, answer = { code: 1, stderr: `error: not scripted: ${line}` }] =
        Object.entries(answers).find(([beginning]) => line.startsWith(beginning)) ?? [];
      return { code: 0, stdout: '', stderr: '', ...answer };
    },
  };
}

const xml = (memoryKib: number): string =>
  `<domain><uuid>u</uuid><memory unit='KiB'>${memoryKib}</memory><currentMemory unit='KiB'>${memoryKib}</currentMemory><vcpu placement='static'>2</vcpu></domain>`;
const INFO = 'Id: 1\nName: athena\nState:          running\nPersistent:     yes\nAutostart:      enable\n';

describe('a hypervisor through virsh', () => {
  it('tells how a domain runs from how it will start', async () => {
    const shell = scripted({
      'dominfo athena': { stdout: INFO },
      'dumpxml athena --inactive': { stdout: xml(4096) },
      'dumpxml athena': { stdout: xml(2048) },
    });

    const domain = await virshHypervisor('r420', shell).domain('athena', signal);

    assert.equal(domain?.state, 'running');
    assert.equal(domain?.autostart, true);
    assert.equal(domain?.defined.memoryKib, 4096);
    assert.equal(domain?.live?.memoryKib, 2048);
  });

  it('has no domain where libvirt has none, but says so when it cannot know', async () => {
    const none = scripted({ dominfo: { code: 1, stderr: "error: failed to get domain 'athena'" } });
    assert.equal(await virshHypervisor('r420', none).domain('athena', signal), undefined);

    const away = scripted({
      dominfo: {
        code: 1,
        stderr: "error: failed to connect to the hypervisor\nerror: Failed to connect socket to '/run'",
      },
    });
    await assert.rejects(virshHypervisor('r420', away).domain('athena', signal), (error: Error) => {
      assert.ok(error instanceof HypervisorError);
      assert.match(error.message, /^r420: virsh dominfo athena failed: failed to connect/);
      assert.match(error.remedy, /Start libvirtd there/);
      return true;
    });
  });

  it('pulls the plug of what is off already without a complaint', async () => {
    const shell = scripted({
      destroy: { code: 1, stderr: 'error: Requested operation is not valid: domain is not running' },
    });

    await virshHypervisor('r420', shell).powerOff('athena', signal);
  });

  it('undefines with all that libvirt keeps for a domain', async () => {
    const shell = scripted({ undefine: {} });

    await virshHypervisor('r420', shell).undefine('athena', signal);

    assert.deepEqual(shell.asked, [
      'undefine athena --nvram --managed-save --snapshots-metadata --checkpoints-metadata',
    ]);
  });

  it('says what to do about a bridge that is missing', async () => {
    const stderr =
      "error: Failed to start domain 'athena'\nerror: Cannot get interface MTU on 'br0': No such device";
    const shell = scripted({ start: { code: 1, stderr } });

    await assert.rejects(virshHypervisor('r420', shell).start('athena', signal), (error: Error) => {
      assert.ok(error instanceof HypervisorError);
      assert.match(error.remedy, /hypervisor_bridge/);
      return true;
    });
  });
});

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
  function files(): HypervisorFiles {
    return new HypervisorFiles('here', {
      run: (program, args, { input }) => {
        const { promise, resolve } = Promise.withResolvers<ShellResult>();
        const env = { PATH: `${bin}:/usr/bin:/bin` };
        const child = execFile(program, [...args], { env }, (error, stdout, stderr) => {
          resolve({ code: error ? 1 : 0, stdout, stderr });
        });
        child.stdin?.end(input);
        return promise;
      },
    });
  }

  it('are written whole, and for nobody else to read', async () => {
    const file = path.join(dir.path, 'a folder', `it's "quoted" $(here)`);

    await files().write(file, new Uint8Array([0, 255, 10]), signal);

    assert.deepEqual([...readFileSync(file)], [0, 255, 10]);
    assert.deepEqual(readdirSync(path.dirname(file)), [path.basename(file)]);
    assert.equal(await files().size(file, signal), 3);
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

  it('outside of our own folder are never removed', async () => {
    for (const file of [
      '/etc/passwd',
      '/var/lib/olympus',
      '/var/lib/olympus/machines/',
      '/var/lib/olympus/machines/../x',
    ]) {
      await assert.rejects(files().remove(file, signal), /is not a file of a machine/, file);
    }
  });
});
