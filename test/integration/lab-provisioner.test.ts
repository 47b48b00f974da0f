import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { DISK_TARGETS } from '#integrations/libvirt/domain-xml.ts';
import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import { connectHypervisor } from '#provision/apply/fleet.ts';
import type { OpenHypervisor } from '#provision/apply/hypervisor-pool.ts';
import type { HypervisorHost } from '#provision/inventory/inventory.ts';
import { definitionOf, type MachineSpec, machineFiles } from '#provision/machine/machine-spec.ts';
import { renderSshConfig } from '#provision/ssh/ssh-config.ts';
import { sshFiles } from '#provision/ssh/ssh-files.ts';
import { TRASH } from '#provision/trash/trash-entry.ts';
import { HYPERVISORS, TestLab, TINY_DOMAIN } from '../support/lab.ts';

const never = new AbortController().signal;
const [r420] = HYPERVISORS;
const HOST: HypervisorHost = {
  ...r420,
  memoryMib: 1024,
  vcpus: 1,
  diskGib: 1,
  local: false,
  user: 'root',
  become: false,
  attach: { bridge: 'br0' },
  domainType: 'qemu',
};

/** A machine whose disks hold nothing to start: its firmware waits. */
const BARE: MachineSpec = {
  fleet: 'olympus',
  name: 'bare',
  mac: '52:54:00:12:34:56',
  attach: HOST.attach,
  vcpus: 1,
  memoryMib: 64,
  diskGib: 1,
  dataGib: 1,
  domainType: 'qemu',
  diskCache: 'unsafe',
  image: { file: 'none' },
  instanceId: 'bare-1',
};

describe('a hypervisor with a QEMU, by SSH', function () {
  this.timeout(120_000);
  let lab: TestLab;
  let opened: OpenHypervisor;
  let hypervisor: Hypervisor;
  before(async function () {
    if (process.getuid?.() !== 0) this.skip(); // It consists of namespaces, which take root.
    lab = await TestLab.make();
    await lab.raise();
    const files = sshFiles(lab.names.stateDir);
    writeFileSync(files.config, renderSshConfig({ hypervisors: [HOST], machines: [] }, files));
    opened = await connectHypervisor(HOST, files, never);
    hypervisor = opened.hypervisor;
  });
  after(async () => {
    await opened?.[Symbol.asyncDispose]();
    await lab?.[Symbol.asyncDispose]();
  });

  it('runs what is defined, goes back to a snapshot, and grows a disk under what runs', async () => {
    const { folder, root, data, seed, ready } = machineFiles('bare');
    await hypervisor.createDataDisk(root, 'root', 1, never);
    await hypervisor.createDataDisk(data, 'data', 1, never);
    await hypervisor.writeFile(seed, Buffer.alloc(512), never);
    await hypervisor.define(definitionOf(BARE).xml, never);
    await hypervisor.start('bare', never);

    await hypervisor.createSnapshot('bare', 'running', never);
    const [snapshot] = await hypervisor.snapshots('bare', never);
    assert.deepEqual([snapshot?.name, snapshot?.wasRunning], ['running', true]);
    assert.ok(Math.abs((snapshot?.createdAt ?? 0) - Date.now()) < 120_000, 'when it was made');
    await hypervisor.powerOff('bare', never);
    await hypervisor.revertTo('bare', 'running', never);
    assert.equal((await hypervisor.domain('bare', never))?.state, 'running');
    await hypervisor.createSnapshot('bare', 'later', never);
    const definitions = await hypervisor.snapshotDefinitions('bare', never);
    await hypervisor.powerOff('bare', never);
    await hypervisor.undefine('bare', never);
    await hypervisor.define(definitionOf(BARE).xml, never);
    for (const _ of ['once', 'twice']) await hypervisor.redefineSnapshots('bare', definitions, never);
    assert.deepEqual(
      (await hypervisor.snapshots('bare', never)).map(({ name }) => name),
      ['running', 'later'],
    );
    await hypervisor.revertTo('bare', 'running', never);
    assert.equal((await hypervisor.domain('bare', never))?.state, 'running');
    await hypervisor.deleteSnapshot('bare', 'later', never);
    await hypervisor.deleteSnapshot('bare', 'running', never);
    assert.deepEqual(await hypervisor.snapshots('bare', never), []);

    await hypervisor.growDisk(data, 2, { domain: 'bare', target: DISK_TARGETS.data }, never);
    await hypervisor.writeFile(ready, 'bare-1\n', never);
    assert.deepEqual(await hypervisor.look({ root, data, seed, ready }, never), {
      root: { sizeBytes: 1024 ** 3, backing: undefined },
      data: { sizeBytes: 2 * 1024 ** 3, backing: undefined },
      hasSeed: true,
      ready: 'bare-1\n',
    });
    await hypervisor.remove(seed, never);
    await hypervisor.remove(ready, never);
    const nowhere = { root: `${root}.none`, data, seed, ready };
    const { root: none, hasSeed, ready: unready } = await hypervisor.look(nowhere, never);
    assert.deepEqual([none, hasSeed, unready], [undefined, false, undefined]);
    await hypervisor.powerOff('bare', never);
    await hypervisor.undefine('bare', never);
    assert.equal(await hypervisor.remove(folder, never), true);
  });

  it('is looked at, started and cleared, over the connection that the shell has open', async () => {
    await lab.ssh(r420, `cat >/root/tiny.xml <<'END'\n${TINY_DOMAIN}\nEND`);
    assert.equal(await hypervisor.domain('tiny', never), undefined);

    await hypervisor.define((await hypervisor.readFile('/root/tiny.xml', never)) ?? '', never);
    await hypervisor.start('tiny', never);
    const running = await hypervisor.domain('tiny', never);
    assert.deepEqual([running?.state, running?.persistent], ['running', true]);
    assert.ok(running?.live);
    await hypervisor.powerOff('tiny', never);
    assert.equal((await hypervisor.domain('tiny', never))?.state, 'off');
    await hypervisor.undefine('tiny', never);
    assert.equal(await hypervisor.domain('tiny', never), undefined);
    assert.equal(await hypervisor.hasLibvirt(never), true);

    const [disk, trash] = [machineFiles('tiny').folder, `${TRASH}/tiny/1`];
    await hypervisor.writeFile(`${disk}/root.qcow2`, 'disk', never);
    await hypervisor.move(disk, trash, never);
    await hypervisor.move(disk, trash, never);
    assert.deepEqual(await hypervisor.list(`${TRASH}/tiny`, never), ['1']);
    await hypervisor.writeFile(`${disk}/root.qcow2`, 'another', never);
    await assert.rejects(hypervisor.move(disk, trash, never), /is there already/);
    assert.equal(await hypervisor.readFile(`${trash}/root.qcow2`, never), 'disk');
    await assert.rejects(hypervisor.putBack(trash, disk, never), /there is a disk in .*tiny already/);
    assert.equal(await hypervisor.readFile(`${disk}/root.qcow2`, never), 'another');
    await hypervisor.remove(`${disk}/root.qcow2`, never);
    await hypervisor.writeFile(`${disk}/console.log`, 'said', never);
    await hypervisor.putBack(trash, disk, never);
    assert.deepEqual(await hypervisor.list(disk, never), ['root.qcow2']);
    assert.equal(await hypervisor.readFile(`${disk}/root.qcow2`, never), 'disk');
    assert.deepEqual(await hypervisor.list(`${TRASH}/tiny`, never), []);
    await lab.ssh(
      r420,
      'mkdir /tmp/other && mount -t tmpfs none /tmp/other && mkdir -p /var/lib/olympus/elsewhere && mount --bind /tmp/other /var/lib/olympus/elsewhere',
    );
    await assert.rejects(
      hypervisor.move(disk, '/var/lib/olympus/elsewhere/tiny', never),
      /is on another file system/,
    );
    await lab.ssh(r420, 'umount /var/lib/olympus/elsewhere /tmp/other');
    assert.equal(await hypervisor.remove(disk, never), true);
  });
});
