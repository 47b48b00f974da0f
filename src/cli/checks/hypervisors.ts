import { type Answer, sectionsOf } from '../fleet/survey.ts';
import { harmless } from '../format.ts';
import { type Check, failed, passed } from './check.ts';

/** Asks a hypervisor for all that hypervisorChecks judges. */
export const HYPERVISOR_COMMAND = [
  'export LC_ALL=C',
  'echo @tool; command -v virsh',
  'echo @domains; virsh -c qemu:///system list --all 2>&1; echo "exit $?"',
  'echo @socket; ls /run/libvirt/libvirt-sock',
  'echo @bridges; ip -o link show type bridge',
].join('; ');

/** Whether a hypervisor answers, its libvirt too, and it has the bridge that machines are attached to, if one is named. */
export function hypervisorChecks(answer: Answer, bridge?: string): Check[] {
  const { host } = answer;
  if (!answer.up) return [failed(host, answer.what, answer.remedy)];
  const sections = sectionsOf(harmless(answer.text));
  const section = (name: string): string => sections.get(name) ?? '';
  return [
    libvirtCheck(host, section),
    ...(bridge === undefined ? [] : [bridgeCheck(host, bridge, section('bridges'))]),
  ];
}

/** The domains of a hypervisor and their states; undefined when it could not say. */
export function domainsOf(answer: Answer): ReadonlyMap<string, string> | undefined {
  if (!answer.up) return undefined;
  const sections = sectionsOf(harmless(answer.text));
  const section = (name: string): string => sections.get(name) ?? '';
  return virshAnswered(section) ? parseDomains(section('domains')) : undefined;
}

function virshAnswered(section: (name: string) => string): boolean {
  return section('tool') !== '' && /^exit 0$/m.test(section('domains'));
}

function libvirtCheck(host: string, section: (name: string) => string): Check {
  const domains = section('domains');
  if (virshAnswered(section)) return passed(host, `libvirt answers: ${counted(parseDomains(domains))}`);
  if (section('tool') === '' && section('socket') !== '') {
    return passed(host, 'libvirtd runs; without virsh there, its machines are not counted');
  }
  if (section('tool') === '') {
    return failed(
      host,
      'there is no libvirt',
      `Install it there: apt-get install libvirt-daemon-system qemu-system-x86`,
    );
  }
  const reason =
    domains
      .replace(/\n?exit \d+$/, '')
      .split('\n')
      .at(-1) ?? '';
  return failed(
    host,
    `libvirt does not answer: ${reason.replace(/^error: /, '')}`,
    'Does libvirtd run there, and is the user who logs in a member of the group libvirt?',
  );
}

/** Counts machines by state. */
function counted(domains: ReadonlyMap<string, string>): string {
  const states = [...domains.values()];
  if (states.length === 0) return 'no machines';
  const kinds = [...new Set(states)].sort();
  return kinds.map((kind) => `${states.filter((state) => state === kind).length} ${kind}`).join(', ');
}

/** The lines of `virsh list --all`: the state of each domain. */
function parseDomains(text: string): Map<string, string> {
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, name, state] = /^ +(?:\d+|-) +(\S+) +(\S.*)$/.exec(line) ?? [];
      return name && state ? [[name, state.trim()]] : [];
    }),
  );
}

function bridgeCheck(host: string, bridge: string, links: string): Check {
  const name = `${host} bridge`;
  const link = links.split('\n').find((line) => line.split(/\s+/)[1]?.split(/[:@]/)[0] === bridge);
  if (link === undefined) {
    return failed(
      name,
      `there is no bridge ${bridge}`,
      'Setting the fleet up prints the exact lines to add: ansible-playbook -i <inventory> ansible/setup.yml',
    );
  }
  if (!/[<,]UP[,>]/.test(link)) {
    return failed(name, `${bridge} is down`, `On ${host}: ip link set ${bridge} up`);
  }
  return passed(name, bridge);
}
