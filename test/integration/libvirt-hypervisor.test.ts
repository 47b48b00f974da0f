import assert from 'node:assert/strict';
import { DISK_TARGETS, type DomainSpec, renderDomain } from '#integrations/libvirt/domain-xml.ts';
import { type Hypervisor, HypervisorError, type Shell } from '#integrations/libvirt/hypervisor.ts';
import { libvirtHypervisor } from '#integrations/libvirt/libvirt-hypervisor.ts';
import { FakeHypervisor } from '#test/provision/fake-hypervisor.ts';
import { Daemon } from '../../packages/node-libvirt/test/support/daemon.ts';

const { signal } = new AbortController();
const SPEC: DomainSpec = {
  name: 'athena',
  uuid: '11111111-2222-3333-4444-555555555555',
  title: 'athena of olympus',
  metadata: '{"applied": "first"}',
  type: 'qemu',
  cpuModel: 'host-model',
  tcgTbSizeMib: undefined,
  diskCache: 'writeback',
  vcpus: 2,
  memoryMib: 512,
  attach: { network: 'default' },
  mac: '52:54:00:12:34:56',
  kernel: undefined,
  rootDisk: '/disks/root.qcow2',
  dataDisk: '/disks/data.qcow2',
  seed: '/disks/seed.img',
  consoleLog: '/disks/console.log',
};
const KIB = 1024;

/** A definition for the driver of libvirt that plays a host in memory. */
function definition(change: Partial<DomainSpec> = {}): string {
  return renderDomain({ ...SPEC, ...change }).replace(/^<domain type='qemu'>/, `<domain type='test'>`);
}

/** Files are no part of what is compared here. */
const noShell: Shell = {
  run: async () => {
    throw new Error('nothing is to be run');
  },
  start: () => {
    throw new Error('nothing is to be started');
  },
};
const WITHOUT_FILES = { shell: noShell, folder: '/nowhere' };

describe('a hypervisor', () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await Daemon.start();
  });
  after(() => daemon?.[Symbol.asyncDispose]());

  function libvirt(name = 'r420'): Hypervisor & AsyncDisposable {
    return libvirtHypervisor({ name, ...WITHOUT_FILES, libvirt: { uri: daemon.uri('test:///default') } });
  }

  const KINDS: Readonly<Record<string, () => Hypervisor & Partial<AsyncDisposable>>> = {
    'that libvirt plays': () => libvirt(),
    'of the unit tests': () => {
      const fake = new FakeHypervisor();
      for (const file of [SPEC.rootDisk, SPEC.dataDisk, SPEC.seed]) fake.files.set(file, 'x');
      return fake;
    },
  };
  for (const [kind, make] of Object.entries(KINDS)) {
    describe(kind, () => {
      let host: Hypervisor & Partial<AsyncDisposable>;
      beforeEach(() => {
        host = make();
      });
      afterEach(async () => {
        await host.powerOff('athena', signal).catch(() => undefined);
        if (await host.domain('athena', signal)) await host.undefine('athena', signal);
        await host[Symbol.asyncDispose]?.();
      });

      it('has no domain that nobody has defined', async () => {
        assert.equal(await host.domain('athena', signal), undefined);
      });

      it('takes a domain through its life', async () => {
        await host.define(definition(), signal);
        const defined = await host.domain('athena', signal);
        assert.deepEqual(
          [defined?.state, defined?.persistent, defined?.autostart, defined?.live],
          ['off', true, false, undefined],
        );
        assert.deepEqual(defined?.defined, {
          uuid: SPEC.uuid,
          memoryKib: 512 * KIB,
          currentMemoryKib: 512 * KIB,
          vcpus: 2,
          metadata: SPEC.metadata,
        });

        await host.start('athena', signal);
        await host.setAutostart('athena', true, signal);
        const running = await host.domain('athena', signal);
        assert.deepEqual([running?.state, running?.autostart], ['running', true]);
        assert.deepEqual(running?.live, running?.defined);

        await host.shutdown('athena', signal);
        assert.equal((await host.domain('athena', signal))?.state, 'off');
        await host.undefine('athena', signal);
        assert.equal(await host.domain('athena', signal), undefined);
      });

      it('tells how a domain runs from how it will start', async () => {
        await host.define(definition(), signal);
        await host.start('athena', signal);
        await host.define(definition({ memoryMib: 1024, metadata: '{"applied": "second"}' }), signal);

        const domain = await host.domain('athena', signal);
        assert.deepEqual(
          [domain?.live?.memoryKib, domain?.live?.metadata],
          [512 * KIB, '{"applied": "first"}'],
        );
        assert.deepEqual(
          [domain?.defined.memoryKib, domain?.defined.metadata],
          [1024 * KIB, '{"applied": "second"}'],
        );
      });

      it('goes back to a snapshot, running as it ran, and drops it', async () => {
        await host.define(definition(), signal);
        await host.createSnapshot('athena', 'off', signal);
        await host.start('athena', signal);
        await host.createSnapshot('athena', 'on', signal);
        assert.deepEqual(
          (await host.snapshots('athena', signal)).map(({ name, wasRunning }) => [name, wasRunning]),
          [
            ['off', false],
            ['on', true],
          ],
        );

        await host.revertTo('athena', 'off', signal);
        assert.equal((await host.domain('athena', signal))?.state, 'off');
        await host.revertTo('athena', 'on', signal);
        assert.equal((await host.domain('athena', signal))?.state, 'running');
        for (const name of ['on', 'off']) await host.deleteSnapshot('athena', name, signal);
        assert.deepEqual(await host.snapshots('athena', signal), []);
        await assert.rejects(host.revertTo('athena', 'off', signal), /no snapshot off/);
        await assert.rejects(host.createSnapshot('nobody', 'x', signal), /nobody/);
      });

      it('has no complaint about a plug that is pulled twice, or of a domain that is not there', async () => {
        await host.define(definition(), signal);
        await host.start('athena', signal);
        await host.powerOff('athena', signal);
        await host.powerOff('athena', signal);
        assert.equal((await host.domain('athena', signal))?.state, 'off');
        await host.powerOff('nobody', signal);
      });

      it('refuses to start what runs, and what is not there', async () => {
        await host.define(definition(), signal);
        await host.start('athena', signal);
        await assert.rejects(host.start('athena', signal), /already/);
        await assert.rejects(host.start('nobody', signal), /nobody/);
      });
    });
  }

  it('says of which hypervisor it is, what was to be done, and what to do about it', async () => {
    await using host = libvirt('r720xd');
    await assert.rejects(
      host.define('<domain type="test"><name>x</name></domain>', signal),
      (error: Error) => {
        assert.ok(error instanceof HypervisorError);
        assert.equal(error.hypervisor, 'r720xd');
        assert.match(error.message, /^r720xd: defining a domain failed: .*\.$/);
        assert.match(error.remedy, /virsh/);
        return true;
      },
    );
    await assert.rejects(host.start('nobody', signal), /^HypervisorError: r720xd has no domain nobody\.$/);
    await host.define(definition(), signal);
    await assert.rejects(
      host.growDisk('/disks/root.qcow2', 9, { domain: 'athena', target: DISK_TARGETS.root }, signal),
      /r720xd: growing vda of the domain athena failed/,
    );
    await host.undefine('athena', signal);
  });

  it('pulls a plug whose domain is not running without its definition as well', async () => {
    await using host = libvirt();
    await host.define(definition(), signal);
    await host.start('athena', signal);
    await host.undefine('athena', signal);
    const transient = await host.domain('athena', signal);
    assert.deepEqual([transient?.state, transient?.persistent], ['running', false]);
    assert.equal(transient?.defined.metadata, SPEC.metadata);
    await host.powerOff('athena', signal);
    assert.equal(await host.domain('athena', signal), undefined);
  });

  it('is never without domains because its libvirt is away, and is asked again once it is back', async () => {
    await using own = await Daemon.start();
    const uri = own.uri('test:///default');
    await using host = libvirtHypervisor({ name: 'r420', ...WITHOUT_FILES, libvirt: { uri } });
    assert.equal(await host.domain('athena', signal), undefined);

    await own.stop();
    await assert.rejects(host.domain('athena', signal), (error: Error) => {
      assert.ok(error instanceof HypervisorError);
      assert.match(error.message, /^r420: looking at the domain athena failed, its libvirt is not reached: /);
      assert.match(error.remedy, /Start libvirtd there/);
      return true;
    });
    await own.start();
    assert.equal(await host.domain('athena', signal), undefined);
  });

  it('ends with the signal, and says its reason', async () => {
    await using host = libvirt();
    await assert.rejects(host.domain('athena', AbortSignal.abort(new Error('enough'))), /^Error: enough$/);
  });
});
