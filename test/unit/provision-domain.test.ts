import assert from 'node:assert/strict';
import { parseDomain } from '#integrations/libvirt/domain-xml.ts';
import { definitionOf, type MachineSpec, uuidOf } from '#provision/machine/machine-spec.ts';
import { parseApplied } from '#provision/machine/plan.ts';
import { assertGolden } from '#test/golden.ts';

const KVM: MachineSpec = {
  fleet: 'olympus',
  name: 'athena',
  mac: '52:54:00:e8:52:f5',
  attach: { bridge: 'br0' },
  vcpus: 4,
  memoryMib: 8192,
  diskGib: 250,
  dataGib: 20,
  domainType: 'kvm',
  diskCache: 'writeback',
  image: { file: 'ubuntu-22.04.img' },
  instanceId: 'athena-1',
};
const EMULATED: MachineSpec = {
  ...KVM,
  attach: { network: 'default' },
  domainType: 'qemu',
  tcgTbSizeMib: 256,
  diskCache: 'unsafe',
  image: {
    file: 'af46.qcow2',
    kernel: { kernel: 'af46.vmlinuz', initrd: 'af46.initrd', options: 'root=LABEL=rootfs rw quiet' },
  },
};

describe('the definition of a machine', () => {
  for (const [name, spec] of [
    ['kvm-bridge', KVM],
    ['emulated-network-kernel', EMULATED],
    ['custom-cpu', { ...KVM, cpuModel: 'Skylake-Server' }],
  ] as const) {
    it(`is what test/golden/domains/${name}.xml says`, () => {
      assertGolden(`domains/${name}.xml`, definitionOf(spec).xml);
    });
  }

  it('carries what was applied, to be read back', () => {
    const spec = { ...EMULATED, image: { file: `it's <"odd"> & more` } };
    const { xml, digest } = definitionOf(spec);
    const printed = xml.replaceAll(/unit='MiB'>8192/g, `unit='KiB'>${8192 * 1024}`);

    const facts = parseDomain(printed);

    assert.deepEqual(parseApplied(facts.metadata), { spec, definition: digest });
    assert.equal(facts.memoryKib, 8192 * 1024);
    assert.equal(facts.vcpus, 4);
    assert.equal(facts.uuid, uuidOf('olympus', 'athena'));
  });

  it('has a digest that follows the definition, and not what only the seed decides', () => {
    assert.equal(definitionOf(KVM).digest, definitionOf({ ...KVM, instanceId: 'athena-2' }).digest);
    assert.notEqual(definitionOf(KVM).digest, definitionOf({ ...KVM, vcpus: 2 }).digest);
  });

  it('has a UUID of its own, the same each time', () => {
    assert.match(
      uuidOf('olympus', 'athena'),
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    assert.notEqual(uuidOf('olympus', 'athena'), uuidOf('olympus', 'apollo'));
  });

  it('is nobody else’s: what another program wrote does not count as applied', () => {
    assert.equal(parseApplied(undefined), undefined);
    assert.equal(parseApplied('{"spec": {}}'), undefined);
    assert.equal(parseApplied('not JSON'), undefined);
  });
});
