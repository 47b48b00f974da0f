import assert from 'node:assert/strict';
import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { hypervisorDir } from '#lab/hypervisors/hypervisor-plan.ts';
import { labNames } from '#lab/lab-names.ts';
import { unpackDebianPackage } from '#lab/tools/debian-package.ts';
import { HYPERVISORS } from '#test/lab.ts';
import { RealBench } from '#test/provision/real-bench.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { ANSIBLE, type Ended, run } from '../ansible/ansible.ts';

const [, { address }] = HYPERVISORS;
const INTERFACES = '/etc/network/interfaces';
const SWITCH = path.join(ANSIBLE, 'roles/hypervisor/files/switch-network.py');
const PLAIN = `# Everything of this machine.
auto lo
iface lo inet loopback

allow-hotplug eth0
iface eth0 inet static
    address ${address}/24
    # Where the others are.
    up ip route add 192.0.2.0/24 dev $IFACE
`;

/** On a simulated hypervisor with Debian's ifupdown, real sshd and real Ansible. netplan wants systemd, and is not here. */
describe('a bridge made of a hypervisor’s network card', function () {
  this.timeout(180_000);
  let bench: RealBench;
  let dir: TempDir;

  before(async function () {
    if (process.getuid?.() !== 0) this.skip(); // It consists of namespaces, which take root.
    bench = await RealBench.start();
    dir = await tempDir('bridge');
    await symlink(path.join(ANSIBLE, 'group_vars'), path.join(dir.path, 'group_vars')); // They belong to a playbook.
    const workDir = path.join(dir.path, 'ifupdown');
    const signal = AbortSignal.timeout(120_000);
    // The oldest one, whose programs run on every later Debian.
    const { root } = await unpackDebianPackage({ name: 'ifupdown', suite: 'bookworm', workDir, signal });
    const home = path.join(hypervisorDir(labNames(bench.stateDir), 'r720xd'), 'files/root');
    await cp(root, path.join(home, 'ifupdown'), { recursive: true, verbatimSymlinks: true });
    await bench.onOther(`set -e
find /root/ifupdown -path '*sbin/if*' -exec cp -a {} /usr/local/sbin/ ';'
mkdir -p /etc/network/if-{pre-up,up,down,post-down}.d /run/network`);
  });
  after(async () => {
    await bench?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await bench.onOther(`iptables -F INPUT; ip link set dev eth0 nomaster
ip link delete br0; rm -rf /run/olympus-bridge /var/lib/olympus-bridge
ip address replace ${address}/24 dev eth0; ip link set dev eth0 up; ip route replace 192.0.2.0/24 dev eth0`);
    await write(PLAIN);
  });

  it('is shown beforehand, made with what the card was configured with, and left alone afterwards', async () => {
    const shown = await setUp('--check');
    assert.equal(shown.code, 0, shown.output);
    assert.match(shown.output, /^-allow-hotplug eth0$.*^\+auto br0$/ms);
    assert.equal(await carrier(), 'eth0');
    assert.equal(await read(), PLAIN);

    const { code, output } = await setUp();

    assert.equal(code, 0, output);
    assert.equal(await carrier(), 'br0');
    assert.match(await bench.onOther('ip -brief link show master br0'), /^eth0@/);
    assert.equal(await bench.onOther('ip route show 192.0.2.0/24'), '192.0.2.0/24 dev br0 scope link');
    const mac = await bench.onOther('cat /sys/class/net/eth0/address');
    assert.equal(await bench.onOther('cat /sys/class/net/br0/address'), mac);
    assert.equal(
      await read(),
      `# Everything of this machine.
auto lo
iface lo inet loopback

auto br0
iface eth0 inet manual
iface br0 inet static
    pre-up ip link add name br0 address ${mac} type bridge stp_state 0 forward_delay 0
    pre-up ip link set dev eth0 master br0 up
    post-down ip link set dev eth0 nomaster || true
    post-down ip link delete dev br0 || true
    address ${address}/24
    # Where the others are.
    up ip route add 192.0.2.0/24 dev $IFACE
`,
    );
    // As at the next start of the machine.
    await bench.onOther('ifdown --force br0 && ifup -a');
    assert.equal(await carrier(), 'br0');
    const again = await setUp();
    assert.match(again.output, /^r720xd +: .*changed=0/m);

    const undone = await setUp('-e', 'reset=true');
    assert.equal(undone.code, 0, undone.output);
    await assertUntouched();
    const twice = await setUp('-e', 'reset=true');
    assert.match(twice.output, /^r720xd +: .*changed=0/m);
  });

  it('goes back where nobody can log in any more', async () => {
    await bench.onOther('iptables -A INPUT -i br0 -p tcp --dport 22 -j DROP');

    const { code, output } = await setUp('-e', 'hypervisor_bridge_seconds=8');
    await bench.onOther('iptables -F INPUT');

    assert.equal(code, 2, output);
    assert.match(output, /was not switched: Nobody could log in for 8 s\. It is as\s+it was before\./);
    await assertUntouched();
  });

  it('goes back at once where a command fails, and says which', async () => {
    await write(`${PLAIN}    up test $IFACE = eth0\n`);

    const { code, output } = await setUp();

    assert.equal(code, 2, output);
    assert.match(
      output,
      /was not switched:\s+ifup --force -i \S+\s+br0:.*failed to bring up br0.*It is as it was before\./s,
    );
    await assertUntouched(`${PLAIN}    up test $IFACE = eth0\n`);
  });

  it('keeps its addresses where nothing brings the card up any more', async () => {
    await write(`${PLAIN}    up false\n`);

    const { code, output } = await setUp();

    assert.equal(code, 2, output);
    assert.match(output, /Only its addresses and routes are back/);
    await assertUntouched(`${PLAIN}    up false\n`);
    assert.equal(await bench.onOther('ip route show 192.0.2.0/24'), '192.0.2.0/24 dev eth0 scope link');
  });

  it('is begun anew where the switch was killed', async () => {
    const planned = await play({ tasks: [{ olympus_bridge: { bridge: 'br0', address } }] });
    assert.equal(planned.code, 0, planned.output);
    await bench.onOther(
      `cat >/run/switch.py <<'END'\n${await readFile(SWITCH, 'utf8')}END\npython3 /run/switch.py begin`,
    );
    await waitFor('the bridge', async () => (await carrier()) === 'br0');
    await bench.onOther("pkill -9 -f '[o]lympus-bridge/program run'");
    assert.equal(await read(), PLAIN, 'nothing is written before somebody has logged in');

    const { code, output } = await setUp();

    assert.equal(code, 0, output);
    assert.match(output, /Undo what a switch of the network left that was killed.*changed: \[r720xd\]/s);
    assert.equal(await carrier(), 'br0');
  });

  it('stays at a reset while it carries machines, and where the file was edited', async () => {
    await setUp();
    await bench.onOther('ip link add tap7 type veth peer name tap8 && ip link set dev tap7 master br0');
    const carrying = await setUp('-e', 'reset=true');
    await bench.onOther('ip link delete tap7');
    await bench.onOther(`echo '# mine' >>${INTERFACES}`);
    const edited = await setUp('-e', 'reset=true');
    await bench.onOther(`sed -i '$d' ${INTERFACES}`);

    assert.equal(carrying.code, 2, carrying.output);
    assert.match(carrying.output, /br0 still carries tap7, and stays\./);
    assert.equal(edited.code, 2, edited.output);
    assert.match(edited.output, /\/etc\/network\/interfaces was edited since br0 was made there\./);
    assert.equal(await carrier(), 'br0');
  });

  it('is refused, with nothing changed, where the card cannot be told or moved', async () => {
    const cases = [
      [PLAIN.replaceAll('eth0', 'eth9'), [], /Neither\s+netplan\s+nor\s+ifupdown\s+configures\s+eth0/],
      [
        `${PLAIN}\niface vlan7 inet manual\n    vlan-raw-device eth0\n`,
        [],
        /eth0 is used by something else too/,
      ],
      [PLAIN, ['-e', 'hypervisor_bridge_port=eno1'], /There\s+is\s+no\s+network\s+card\s+eno1/],
      [PLAIN, ['-e', 'ansible_connection=local'], /only\s+where\s+it\s+logs\s+in\s+by\s+SSH/],
    ] as const;
    for (const [text, args, said] of cases) {
      await write(text);

      const { code, output } = await setUp(...args);

      assert.equal(code, 2, output);
      assert.match(output, said);
      await assertUntouched(text);
    }
    const inside = `ip netns exec ${labNames(bench.stateDir).namespaceOf('r720xd')} nc -N %h %p`;
    const toItself = { ansible_ssh_extra_args: `-o ControlPath=none -o ProxyCommand='${inside}'` };
    const itself = await setUp('-e', JSON.stringify(toItself));
    assert.match(itself.output, /SSH\s+from\s+another\s+machine/);
    const { output } = await play({ tasks: [{ olympus_bridge: { bridge: 'br0', address: '10.220.1.99' } }] });
    assert.match(output, /No\s+network\s+card\s+has\s+the\s+address\s+10\.220\.1\.99/);
  });

  function setUp(...args: string[]): Promise<Ended> {
    return play({ roles: [path.join(ANSIBLE, 'roles/hypervisor')] }, ...args);
  }

  async function play(content: object, ...args: string[]): Promise<Ended> {
    const playbook = path.join(dir.path, 'play.yml');
    await writeFile(playbook, JSON.stringify([{ hosts: 'r720xd', gather_facts: false, ...content }]));
    const variables = {
      hypervisor_become: false,
      hypervisor_bridge_manage: true,
      hypervisor_bridge_seconds: 30,
      hypervisor_has_systemd: false,
      network_dns: ['192.0.2.53'],
    };
    const all = [playbook, '-i', bench.inventory, '-e', JSON.stringify(variables), ...args];
    return run('ansible-playbook', all, {
      OLYMPUS_STATE_DIR: bench.stateDir,
      ANSIBLE_LIBRARY: path.join(ANSIBLE, 'library'),
      ANSIBLE_MODULE_UTILS: path.join(ANSIBLE, 'module_utils'),
    });
  }

  /** Which of the two has the hypervisor's address. */
  function carrier(): Promise<string> {
    return bench.onOther(`ip -brief -4 address | awk '/ ${address}\\// {sub(/@.*/, "", $1); print $1}'`);
  }

  async function read(): Promise<string> {
    return `${await bench.onOther(`cat ${INTERFACES}`)}\n`;
  }

  async function write(text: string): Promise<void> {
    await bench.onOther(`cat >${INTERFACES} <<'END'\n${text}END`);
  }

  async function assertUntouched(text = PLAIN): Promise<void> {
    assert.equal(await carrier(), 'eth0');
    assert.equal(await read(), text);
    assert.equal(
      await bench.onOther('ls -d /sys/class/net/br0 /var/lib/olympus-bridge 2>/dev/null || true'),
      '',
    );
  }
});
