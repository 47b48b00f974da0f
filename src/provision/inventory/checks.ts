import { loadsOf } from '../place/load.ts';
import type { Finding } from './finding.ts';
import type { HypervisorHost, Machine, UnplacedMachine } from './inventory.ts';
import { isHostAddress, parseNetwork } from './ipv4.ts';
import type { FleetVariables } from './schema.ts';
import type { YamlFile } from './yaml-file.ts';

interface Together<M extends UnplacedMachine = UnplacedMachine> {
  readonly hosts: YamlFile;
  readonly main: YamlFile;
  readonly variables: FleetVariables;
  readonly hypervisors: readonly HypervisorHost[];
  readonly machines: readonly M[];
}

/** What only shows when all hosts are looked at together: duplicates, and addresses that fit no network. */
export function checkTogether(all: Together): Finding[] {
  return [...checkDuplicates(all), ...checkAddresses(all), ...checkGateway(all)];
}

/** Whether the machines of each hypervisor fit on it: memory, disk, and vCPUs with the overcommit that was chosen. */
export function checkCapacity({ hosts, variables, hypervisors, machines }: Together<Machine>): Finding[] {
  const overcommit = variables.hypervisor_vcpu_overcommit;
  const fields = [
    ['memory_gib', 'memoryMib', 'MiB of memory'],
    ['disk_gib', 'diskGib', 'GiB of disk'],
    ['vcpus', 'vcpus', `vCPUs (overcommit ${overcommit})`],
  ] as const;
  return loadsOf(hypervisors, machines, overcommit).flatMap(({ host, total, taken, machines: names }) =>
    fields.flatMap(([field, resource, what]) => {
      const [wanted, there] = [taken[resource], total[resource]];
      if (wanted <= there) return [];
      const message = `${names.join(', ')} want ${wanted} ${what} of ${host}, which has ${there}. Place one elsewhere, or make one smaller.`;
      return [hosts.finding(['hypervisors', 'hosts', host, field], message, { field: `${host}.${field}` })];
    }),
  );
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
