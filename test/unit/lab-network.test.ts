import assert from 'node:assert/strict';
import { checkHypervisors, type HypervisorPlan } from '#lab/hypervisors/hypervisor-plan.ts';
import { withHypervisors } from '#lab/hypervisors/ssh-keys.ts';
import { type Link, stableMac } from '#lab/network/links.ts';
import { bridgeChanges, portName } from '#lab/network/switch.ts';

const WANTED = { name: 'br0', mac: '02:00:00:00:00:01', address: '10.220.1.7/24' };
const BRIDGE: Link = {
  name: 'br0',
  master: undefined,
  alias: undefined,
  up: true,
  mac: WANTED.mac,
  addresses: [WANTED.address],
};

describe('a bridge of the lab', () => {
  it('is made whole where there is none', () => {
    assert.deepEqual(bridgeChanges([], WANTED), [
      'link add name br0 address 02:00:00:00:00:01 type bridge',
      'address add 10.220.1.7/24 dev br0',
      'link set dev br0 up',
    ]);
  });

  it('is left alone when it is as it should be', () => {
    assert.deepEqual(bridgeChanges([BRIDGE], WANTED), []);
  });

  it('is given only what it lacks', () => {
    const damaged = { ...BRIDGE, up: false, mac: '02:00:00:00:00:02', addresses: [] };

    assert.deepEqual(bridgeChanges([damaged], WANTED), [
      'link set dev br0 address 02:00:00:00:00:01',
      'address add 10.220.1.7/24 dev br0',
      'link set dev br0 up',
    ]);
  });

  it('has a hardware address that stays, and that is nobody’s product', () => {
    assert.equal(stableMac('4695a9', 'r420'), stableMac('4695a9', 'r420'));
    assert.notEqual(stableMac('4695a9', 'r420'), stableMac('4695a9', 'r720xd'));
    assert.match(stableMac('4695a9', 'r420'), /^02(:[0-9a-f]{2}){5}$/);
  });
});

describe('a port of the switch', () => {
  it('is named for its hypervisor, within the 15 characters of a device', () => {
    const long = ['hypervisor-in-the-cellar-1', 'hypervisor-in-the-cellar-2'].map(portName);

    assert.equal(portName('r420'), 'to-r420');
    assert.ok(long.every((name) => name.length <= 15));
    assert.notEqual(long[0], long[1]);
  });
});

describe('hypervisors that cannot stand side by side are refused:', () => {
  const r420 = { name: 'r420', address: '10.220.1.7' };
  const REFUSED: readonly [what: string, hypervisors: HypervisorPlan[], message: RegExp][] = [
    [
      'one address twice',
      [r420, { ...r420, name: 'r430' }],
      /r430 has the address 10\.220\.1\.7, and so has r420/,
    ],
    ['the address of the switch', [{ ...r420, address: '10.220.1.1' }], /and so has the switch/],
    ['one name twice', [r420, { ...r420, address: '10.220.1.8' }], /name r420 is taken/],
    ['the name of the switch', [{ ...r420, name: 'switch' }], /name switch is taken/],
    ['no address', [{ ...r420, address: 'r420.lan' }], /has the address r420\.lan/],
    ['a name that is none', [{ ...r420, name: '../r420' }], /cannot be called \.\.\/r420/],
  ];

  for (const [what, hypervisors, message] of REFUSED) {
    it(what, () => {
      assert.throws(() => checkHypervisors(hypervisors, '10.220.1.1'), message);
    });
  }
});

describe('known_hosts', () => {
  const r420 = { name: 'r420', address: '10.220.1.7', publicKey: 'ssh-ed25519 AAAA r420' };

  it('gets the hypervisors’ keys, and keeps what others wrote as it is', () => {
    const before = 'hub ssh-ed25519 BBBB olympus-machine\n';

    assert.equal(
      withHypervisors(before, [r420]),
      'r420,10.220.1.7 ssh-ed25519 AAAA\nhub ssh-ed25519 BBBB olympus-machine\n',
    );
  });

  it('does not change when they are in it', () => {
    const before = 'hub ssh-ed25519 BBBB\nr420,10.220.1.7 ssh-ed25519 AAAA\nathena ssh-ed25519 CCCC\n';

    assert.equal(withHypervisors(before, [r420]), before);
  });

  it('loses another key of the same hypervisor', () => {
    const before = 'r420 ssh-ed25519 OLD\n10.220.1.7 ssh-rsa OLD\n';

    assert.equal(withHypervisors(before, [r420]), 'r420,10.220.1.7 ssh-ed25519 AAAA\n');
  });
});
