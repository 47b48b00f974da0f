import { parseDomain } from './domain-xml.ts';
import {
  type Domain,
  type Hypervisor,
  HypervisorError,
  type Shell,
  type ShellOptions,
  type ShellResult,
} from './hypervisor.ts';
import { HypervisorFiles } from './hypervisor-files.ts';

const STATES: Readonly<Record<string, Domain['state']>> = {
  running: 'running',
  idle: 'running',
  paused: 'paused',
  pmsuspended: 'paused',
  'in shutdown': 'stopping',
};

/** libvirt reads a definition from a file only, and the input of a program behind SSH may be a socket. */
const DEFINE = `file=$(mktemp) && trap 'rm -f "$file"' EXIT && cat > "$file" &&
LC_ALL=C virsh --connect qemu:///system --quiet define --validate "$file"`;

/** A hypervisor through `virsh` and `qemu-img`, run by whatever shell leads there. */
export function virshHypervisor(name: string, shell: Shell): Hypervisor {
  const files = new HypervisorFiles(name, shell);
  const virsh = new Virsh(name, shell);
  const forDomain = (command: string) => async (domain: string, signal: AbortSignal) => {
    await virsh.must([command, domain], { signal });
  };
  return {
    name,
    domain: (domain, signal) => virsh.domain(domain, signal),
    define: (xml, signal) => virsh.define(xml, signal),
    start: forDomain('start'),
    resume: forDomain('resume'),
    shutdown: forDomain('shutdown'),
    powerOff: async (domain, signal) => {
      const result = await virsh.run(['destroy', domain], { signal });
      if (result.code !== 0 && !/domain is not running|failed to get domain/i.test(result.stderr)) {
        throw virsh.failed(['destroy', domain], result);
      }
    },
    setAutostart: async (domain, on, signal) => {
      await virsh.must(['autostart', domain, ...(on ? [] : ['--disable'])], { signal });
    },
    setLiveMemory: async (domain, memoryKib, signal) => {
      await virsh.must(['setmem', domain, String(memoryKib), '--live'], { signal });
    },
    undefine: async (domain, signal) => {
      const flags = ['--nvram', '--managed-save', '--snapshots-metadata', '--checkpoints-metadata'];
      await virsh.must(['undefine', domain, ...flags], { signal });
    },
    hasLibvirt: async (signal) => (await virsh.run(['--version'], { signal })).code === 0,
    hasKvm: (kernel, signal) => files.hasKvm(kernel, signal),
    disk: (file, signal) => files.disk(file, signal),
    createOverlay: (file, base, sizeGib, signal) => files.createOverlay(file, base, sizeGib, signal),
    createDataDisk: (file, label, sizeGib, signal) => files.createDataDisk(file, label, sizeGib, signal),
    growDisk: async (file, sizeGib, attached, signal) => {
      if (!attached) return files.growDisk(file, sizeGib, signal);
      await virsh.must(['blockresize', attached.domain, attached.target, `${sizeGib}G`], { signal });
    },
    fileSize: (file, signal) => files.size(file, signal),
    readFile: (file, signal) => files.read(file, signal),
    writeFile: (file, content, signal) => files.write(file, content, signal),
    remove: (file, signal) => files.remove(file, signal),
    tail: (file, lines, signal) => files.tail(file, lines, signal),
  };
}

class Virsh {
  readonly #name: string;
  readonly #shell: Shell;

  constructor(name: string, shell: Shell) {
    this.#name = name;
    this.#shell = shell;
  }

  async domain(name: string, signal: AbortSignal): Promise<Domain | undefined> {
    const facts = await this.run(['dominfo', name], { signal });
    if (facts.code !== 0) {
      if (/failed to get domain|domain not found/i.test(facts.stderr)) return undefined;
      throw this.failed(['dominfo', name], facts);
    }
    const field = (label: string): string =>
      new RegExp(`^${label}:\\s*(.*)$`, 'm').exec(facts.stdout)?.[1]?.trim() ?? '';
    const state = STATES[field('State')] ?? 'off';
    const persistent = field('Persistent') === 'yes';
    const defined = await this.must(['dumpxml', name, ...(persistent ? ['--inactive'] : [])], { signal });
    const live = state === 'off' ? undefined : await this.must(['dumpxml', name], { signal });
    return {
      state,
      persistent,
      autostart: field('Autostart') === 'enable',
      defined: parseDomain(defined.stdout),
      live: live && parseDomain(live.stdout),
    };
  }

  async define(xml: string, signal: AbortSignal): Promise<void> {
    const result = await this.#shell.run('sh', ['-c', DEFINE], { signal, input: xml });
    if (result.code !== 0) throw this.failed(['define'], result);
  }

  run(args: readonly string[], options: ShellOptions): Promise<ShellResult> {
    const command = ['LC_ALL=C', 'virsh', '--connect', 'qemu:///system', '--quiet', ...args];
    return this.#shell.run('env', command, options);
  }

  async must(args: readonly string[], options: ShellOptions): Promise<ShellResult> {
    const result = await this.run(args, options);
    if (result.code !== 0) throw this.failed(args, result);
    return result;
  }

  failed([command = '', domain = '']: readonly string[], { code, stderr }: ShellResult): HypervisorError {
    const reason =
      stderr
        .replaceAll(/^error: /gm, '')
        .trim()
        .split(/\n+/)
        .join(' ') || `exit code ${code}`;
    const what = command === 'define' ? 'virsh define' : `virsh ${command} ${domain}`;
    return new HypervisorError(this.#name, `${this.#name}: ${what} failed: ${reason}.`, remedyFor(reason));
  }
}

const REMEDIES: readonly [RegExp, string][] = [
  [
    /No such file or directory.*virsh|virsh.*No such file/i,
    'Install libvirt-daemon-system and libvirt-clients there.',
  ],
  [/failed to connect|socket/i, 'Start libvirtd there: systemctl start libvirtd.'],
  [
    /interface MTU|bridge|no network with matching name|network .* is not active/i,
    'The bridge or network that the inventory names (hypervisor_bridge, hypervisor_network) must exist there.',
  ],
  [
    /Permission denied/i,
    'QEMU may not read a file: see the folder /var/lib/olympus and the log of AppArmor there.',
  ],
  [/Cannot allocate memory|cannot set up guest memory/i, 'There is too little memory free there.'],
  [/kvm/i, 'Set vm_domain_type: qemu for this hypervisor if it has no working KVM.'],
];

function remedyFor(reason: string): string {
  const known = REMEDIES.find(([pattern]) => pattern.test(reason));
  return known?.[1] ?? 'Try the same there with virsh; its log is /var/log/libvirt/libvirtd.log.';
}
