import type { Finding } from './finding.ts';
import type { HypervisorHost, Machine } from './inventory.ts';
import { isHostAddress, parseNetwork } from './ipv4.ts';
import type { FleetVariables } from './schema.ts';
import type { YamlFile } from './yaml-file.ts';

interface Together {
  readonly hosts: YamlFile;
  readonly main: YamlFile;
  readonly variables: FleetVariables;
  readonly hypervisors: readonly HypervisorHost[];
  readonly machines: readonly Machine[];
}

/** What only shows when all hosts are looked at together: duplicates, and addresses that fit no network. */
export function checkTogether(all: Together): Finding[] {
  return [...checkDuplicates(all), ...checkAddresses(all), ...checkGateway(all)];
}

/** Whether the machines of each hypervisor fit on it: memory, disk, and vCPUs with the overcommit that was chosen. */
export function checkCapacity({ hosts, variables, hypervisors, machines }: Together): Finding[] {
  return hypervisors.flatMap((hypervisor) => {
    const here = machines.filter(({ host }) => host === hypervisor.name);
    const sum = (of: (machine: Machine) => number): number =>
      here.reduce((total, each) => total + of(each), 0);
    const names = here.map(({ name }) => name).join(', ');
    const overcommit = variables.hypervisor_vcpu_overcommit;
    const limits = [
      ['memory_gib', sum((each) => each.memoryMib), hypervisor.memoryMib, 'MiB of memory'],
      ['disk_gib', sum((each) => each.diskGib + each.dataGib), hypervisor.diskGib, 'GiB of disk'],
      ['vcpus', sum((each) => each.vcpus), hypervisor.vcpus * overcommit, `vCPUs (overcommit ${overcommit})`],
    ] as const;
    return limits.flatMap(([field, wanted, there, what]) => {
      if (wanted <= there) return [];
      const message = `${names} want ${wanted} ${what} of ${hypervisor.name}, which has ${there}. Place one elsewhere, or make one smaller.`;
      const at = ['hypervisors', 'hosts', hypervisor.name, field];
      return [hosts.finding(at, message, { field: `${hypervisor.name}.${field}` })];
    });
  });
}

/** A host of any kind, as far as duplicates matter. */
interface Named {
  readonly group: string;
  readonly name: string;
  readonly address: string;
  readonly mac?: string;
}

function checkDuplicates({ hosts, hypervisors, machines }: Together): Finding[] {
  const all: Named[] = [...hypervisors.map((each) => ({ ...each, group: 'hypervisors' })), ...machines];
  const findings: Finding[] = [];
  for (const field of ['name', 'address', 'mac'] as const) {
    const seen = new Map<string, Named>();
    for (const each of all) {
      const value = each[field];
      if (value === undefined) continue;
      const other = seen.get(value);
      // The same name has the same derived MAC: said once is enough.
      if (other && field === 'mac' && other.name === each.name) continue;
      if (!other) {
        seen.set(value, each);
        continue;
      }
      const whose = field === 'name' ? `the group ${other.group}` : other.name;
      const at = [each.group, 'hosts', each.name, ...(field === 'name' ? [] : [field])];
      findings.push(
        hosts.finding(at, `${value} is taken by ${whose} already; choose another.`, {
          field: `${each.name}.${field}`,
          atKey: field === 'name',
        }),
      );
    }
  }
  return findings;
}

function checkAddresses({ hosts, variables, hypervisors, machines }: Together): Finding[] {
  const { network_cidr: cidr, network_gateway: gateway } = variables;
  const network = parseNetwork(cidr);
  if (!network) return [];
  const finding = (each: Named, message: string, severity: Finding['severity']): Finding =>
    hosts.finding([each.group, 'hosts', each.name, 'address'], message, {
      severity,
      field: `${each.name}.address`,
    });
  return [
    ...hypervisors
      .filter(({ address }) => !isHostAddress(address, network))
      .map((each) =>
        finding({ ...each, group: 'hypervisors' }, `${each.address} is not in ${cidr}.`, 'warning'),
      ),
    ...machines
      .filter(({ address }) => !isHostAddress(address, network))
      .map((each) => finding(each, `${each.address} is not an address of a host in ${cidr}.`, 'error')),
    ...machines
      .filter(({ address }) => address === gateway)
      .map((each) => finding(each, `${each.address} is the network_gateway; choose another.`, 'error')),
  ];
}

function checkGateway({ main, variables }: Together): Finding[] {
  const { network_cidr: cidr, network_gateway: gateway } = variables;
  const network = parseNetwork(cidr);
  if (!network || gateway === undefined || isHostAddress(gateway, network)) return [];
  return [main.finding(['network_gateway'], `${gateway} is not an address of a host in ${cidr}.`)];
}
