import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { ensureGoldenImage } from '#lab/image/golden-image.ts';
import { probeKvm } from '#lab/kvm-probe.ts';
import { cacheDirectory } from '#lib/config.ts';
import { TestLab } from '#test/lab.ts';
import { quoted } from '../lab/machines.ts';
import { cliSettings } from './cli-settings.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const WORKSTATION = { name: 'workstation', address: '10.220.1.7' };
const INVENTORY = '/root/mine';
const STATE = '/root/state';
const never = new AbortController().signal;

/** As it comes with libvirt, but for the DHCP and the names that dnsmasq would give: nobody here asks for them. */
const NETWORK = `<network><name>default</name><forward mode="nat"/><bridge name="virbr0"/><dns enable="no"/>
<ip address="192.168.122.1" netmask="255.255.255.0"/></network>`;

/** The model: the stand-in answers on its loopback, and whoever knocks at the network's gateway is passed on. */
const RELAY = `const net = require('node:net');
net.createServer((from) => {
  const to = net.connect(11501, '127.0.0.1');
  for (const each of [from, to]) each.on('error', () => { from.destroy(); to.destroy(); });
  from.pipe(to).pipe(from);
}).listen(11500, '192.168.122.1');`;

/**
 * A simulated hypervisor that people also work on: Ansible and the command run there, by a local connection, with a copy
 * of inventory/single; only what cannot be had offline is written into it otherwise.
 */
export class OneMachine implements AsyncDisposable {
  readonly #lab: TestLab;

  private constructor(lab: TestLab) {
    this.#lab = lab;
  }

  static async start(): Promise<OneMachine> {
    const hidden = ['/root', '/tmp', '/run'].find((folder) => ROOT.startsWith(`${folder}/`));
    assert.equal(
      hidden,
      undefined,
      `the checkout is in ${hidden}, which a simulated hypervisor does not see`,
    );
    const lab = await TestLab.make();
    try {
      await lab.raise({ hypervisors: [WORKSTATION], doors: [] });
      const machine = new OneMachine(lab);
      await machine.#prepare();
      return machine;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs a script there. */
  run(script: string): Promise<string> {
    return this.#lab.ssh(WORKSTATION, script);
  }

  olympus(...args: readonly string[]): Promise<string> {
    return this.#at(['./olympus', ...args], `OLYMPUS_INVENTORY=${INVENTORY}`);
  }

  playbook(name: string, ...args: readonly string[]): Promise<string> {
    return this.#at(['ansible-playbook', `ansible/${name}.yml`, '-i', INVENTORY, ...args], '', 'tail -n 40');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab[Symbol.asyncDispose]();
  }

  /** A command on one of the machines, as root. */
  inside(name: string, script: string): Promise<string> {
    return this.olympus('ssh', name, '--', `sudo sh -c ${quoted(script)}`);
  }

  /** In the checkout, and with what it printed as the error when it fails. */
  #at(command: readonly string[], settings = '', show = 'cat'): Promise<string> {
    const node = path.dirname(process.execPath);
    const words = command.map(quoted).join(' ');
    return this.run(`cd ${ROOT} && export PATH=${node}:$PATH OLYMPUS_STATE_DIR=${STATE} ${settings}
${words} >/root/out 2>/root/said || { tail -n 40 /root/out /root/said >&2; exit 1; }
${show} /root/out`);
  }

  async #prepare(): Promise<void> {
    const cacheDir = cacheDirectory(process.env);
    const image = await ensureGoldenImage({
      cacheDir,
      node: process.execPath,
      signal: never,
      onProgress: () => undefined,
    });
    const { usable } = await probeKvm({ kernel: image.kernel, cacheDir, signal: never });
    assert.ok(existsSync(image.image));
    const name = image.sha256.slice(0, 12);
    const offline = {
      hypervisor_become: false,
      hypervisor_has_systemd: false,
      image_file: image.image,
      image_kernel_file: image.kernel,
      image_initrd_file: image.initrd,
      vm_image_file: `${name}.qcow2`,
      vm_image_sha256: image.sha256,
      vm_kernel_file: `${name}.vmlinuz`,
      vm_initrd_file: `${name}.initrd`,
      vm_domain_type: usable ? 'kvm' : 'qemu',
      vm_tcg_tb_size_mib: 1024,
      vm_kernel_options:
        'root=LABEL=rootfs rw console=ttyS0 quiet systemd.show_status=1 mitigations=off audit=0 norandmaps',
      vm_disk_cache: 'unsafe',
      vm_boot_parallel: 1,
      slow_machines: !usable,
      standins_enabled: true,
      mattermost_url: 'http://192.168.122.20:8065',
      model_base_url: 'http://192.168.122.1:11500/v1',
      model_api: 'openai-completions',
      model_id: 'scripted-1',
    };
    const changed = Object.keys(offline).join('|');
    await this.run(`cp -r ${ROOT}/inventory/single ${INVENTORY} && cd ${INVENTORY}
sed -i '/^ *apollo:/d' hosts.yml
sed -i -E '/^(${changed}|vm_image_url):/d' group_vars/all/main.yml
cat >>group_vars/all/main.yml <<'END'
${stringify(offline)}END
cat >/root/network.xml <<'END'
${NETWORK}
END
mkdir -p /var/lib/libvirt/dnsmasq # It comes with dnsmasq.
virsh net-define /root/network.xml && virsh net-start default && virsh net-autostart default`);
    await this.#at([
      ...['./olympus', 'secrets', 'init', '--inventory', INVENTORY],
      ...['--file', `${INVENTORY}/group_vars/all/vault.yml`],
    ]);
    await this.#serveModel();
    await this.#writeSettings();
  }

  async #serveModel(): Promise<void> {
    const standin = `${ROOT}/src/standins/model/main.ts`;
    await this.run(`cat >/root/relay.cjs <<'END'
${RELAY}
END
for program in "${standin} --port 11501" /root/relay.cjs; do
  setsid ${process.execPath} $program >/root/model.log 2>&1 </dev/null &
done`);
  }

  /** What a person writes into the state directory to use the command. */
  async #writeSettings(): Promise<void> {
    const vault = await this.#at([
      'ansible-vault',
      'view',
      ...['--vault-password-file', `${STATE}/vault-password`, `${INVENTORY}/group_vars/all/vault.yml`],
    ]);
    await this.run(`umask 077 && cat >${STATE}/.env <<'END'
${cliSettings(vault, '192.168.122.20')}END`);
  }
}
