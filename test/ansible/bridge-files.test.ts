import assert from 'node:assert/strict';
import path from 'node:path';
import { ANSIBLE, run } from './ansible.ts';

/** To YAML 1.1 this is a number, in base 60. */
const MAC = '52:54:00:00:00:07';

/** Reads a file as the module does, and prints what becomes of it when the card eno1 goes into br0. */
const PROGRAM = `
import sys
sys.path.insert(0, ${JSON.stringify(path.join(ANSIBLE, 'module_utils'))})
import olympus_bridge_files as files
try:
    print(getattr(files, sys.argv[1])(sys.argv[2], "eno1", "br0", "${MAC}"), end="")
except files.Refusal as refusal:
    sys.exit("refused: %s" % refusal)
`;

async function moved(kind: 'moved_netplan' | 'moved_interfaces', text: string): Promise<string> {
  const { output } = await run('python3', ['-c', PROGRAM, kind, text]);
  return output;
}

describe('the files of a bridge', () => {
  it('are those of netplan, with what the card was configured with', async () => {
    const after = await moved(
      'moved_netplan',
      `network:
  version: 2
  ethernets:
    eno1:
      match: {macaddress: ${MAC}}
      set-name: eno1
      mtu: 9000
      addresses: [10.0.0.5/24]
      routes: [{to: default, via: 10.0.0.1}]
      nameservers: {addresses: [10.0.0.1]}
    eno2: {dhcp4: true}
`,
    );

    assert.equal(
      after,
      `network:
  version: 2
  ethernets:
    eno1:
      match:
        macaddress: ${MAC}
      set-name: eno1
      mtu: 9000
      dhcp4: false
      dhcp6: false
      link-local: []
    eno2:
      dhcp4: true
  bridges:
    br0:
      macaddress: ${MAC}
      mtu: 9000
      addresses:
      - 10.0.0.5/24
      routes:
      - to: default
        via: 10.0.0.1
      nameservers:
        addresses:
        - 10.0.0.1
      interfaces:
      - eno1
      parameters:
        stp: false
        forward-delay: 0
`,
    );
  });

  it('are those of ifupdown, with every line about the card and no other', async () => {
    const after = await moved(
      'moved_interfaces',
      `source /etc/network/interfaces.d/*
auto lo eno1
iface lo inet loopback
iface eno1 inet dhcp
  # eno1 is the left one
  mtu 9000
iface eno1 inet6 auto
auto eno2
iface eno2 inet dhcp
`,
    );

    assert.equal(
      after,
      `source /etc/network/interfaces.d/*
auto lo
auto br0
iface lo inet loopback
iface eno1 inet manual
iface br0 inet dhcp
    pre-up ip link add name br0 address ${MAC} type bridge stp_state 0 forward_delay 0
    pre-up ip link set dev eno1 master br0 up
    post-down ip link set dev eno1 nomaster || true
    post-down ip link delete dev br0 || true
  # eno1 is the left one
    pre-up ip link set dev eno1 mtu 9000
  mtu 9000
iface br0 inet6 auto
auto eno2
iface eno2 inet dhcp
`,
    );
  });

  it('bring the bridge up at boot, whatever brings the card up', async () => {
    for (const line of ['', 'auto /eno*\n', 'allow-hotplug /en*\n']) {
      const after = await moved('moved_interfaces', `${line}iface eno1 inet dhcp\n`);
      assert.ok(after.startsWith(`${line}auto br0\niface eno1 inet manual\niface br0 inet dhcp\n`), after);
    }
  });

  it('say where a file of netplan cannot be read', async () => {
    assert.match(
      await moved('moved_netplan', 'network: ['),
      /^refused: .* cannot be read: .*line 1, column 11/s,
    );
  });

  it('are not for a card that they do not configure', async () => {
    assert.equal(await moved('moved_netplan', 'network: {ethernets: {eno2: {dhcp4: true}}}'), 'None');
    assert.equal(await moved('moved_netplan', ''), 'None');
    assert.equal(await moved('moved_interfaces', 'iface eno10 inet dhcp\n'), 'None');
  });

  for (const [kind, text, said] of [
    [
      'moved_netplan',
      'network: {ethernets: {all: {match: {name: "en*"}, dhcp4: true}}}',
      /together with other/,
    ],
    [
      'moved_netplan',
      'network: {ethernets: {eno1: {}}, bonds: {bond0: {interfaces: [eno1]}}}',
      /eno1 is used by bond0 too/,
    ],
    [
      'moved_netplan',
      'network: {ethernets: {eno1: {}}, vlans: {vlan7: {id: 7, link: eno1}}}',
      /eno1 is used by vlan7 too/,
    ],
    ['moved_interfaces', 'iface eno1 inet dhcp\niface eno1.7 inet dhcp\n', /eno1 is used by something else/],
    ['moved_interfaces', 'iface eno1 inet static inherits common\n', /in a way this cannot move/],
  ] as const) {
    it(`are refused: ${text.trim().replaceAll('\n', '; ')}`, async () => {
      const output = await moved(kind, text);

      assert.match(output, /^refused: /);
      assert.match(output, said);
      assert.match(output, /leave hypervisor_bridge_manage out/);
    });
  }
});
