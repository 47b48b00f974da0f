import { existsSync } from 'node:fs';
import path from 'node:path';
import { busBytes } from '#core/streams.ts';
import { connectivityFile, readConnectivity } from '../connectivity/table.ts';
import { checkChatHost } from './chat-host.ts';
import { checkCapacity, checkTogether } from './checks.ts';
import { type Finding, InventoryError, nearest } from './finding.ts';
import { checkGithub } from './github.ts';
import {
  type Inventory,
  type Machine,
  type MachineOfGroup,
  toHypervisor,
  toMachine,
  type UnplacedMachine,
} from './inventory.ts';
import { checkPolicies } from './policies.ts';
import { FleetVariables, HypervisorEntry, MachineEntry } from './schema.ts';
import { parsePart, readYamlFile, type YamlFile } from './yaml-file.ts';
import { checkWords } from './yaml-words.ts';

export interface ReadOptions {
  /** The checkout: `agents/` is looked at, and the variables of the roles are known. */
  readonly root: string;
  /** Variables of the roles, which may stand beside ours. */
  readonly alsoKnown: ReadonlySet<string>;
  /** Whether a machine may be without a hypervisor: who looks for places starts from there. */
  readonly mayBeUnplaced?: boolean;
  /** What hosts.yml is to hold, before it is written. */
  readonly hosts?: string;
}

const GROUPS = ['hypervisors', 'hub', 'agents', 'machines'] as const;
type Group = (typeof GROUPS)[number];
const NAME = /^[a-z][a-z0-9-]{0,62}$/;
const TAKEN = new Set(['all', 'ungrouped', 'localhost', 'hypervisors', 'agents', 'machines']);

/** What the streams may hold; how long the name of the fleet is changes nothing. */
const BUS_GIB = busBytes('olympus') / 1024 ** 3;
/** nats-server counts three quarters of what is free when it starts; a tenth is the file system's, and control has its own there. */
const HUB_DATA_GIB = Math.ceil(BUS_GIB / 0.75 / 0.9) + 2;

/** An inventory as far as it can be used, and everything that is to be said of it. */
export interface CheckedInventory {
  /** There when nothing is wrong with it; warnings may be. */
  readonly inventory?: Inventory;
  /** The machines that are left out of it, where that is allowed. */
  readonly unplaced: readonly UnplacedMachine[];
  readonly findings: readonly Finding[];
}

/** Reads and checks an inventory. */
export function checkInventory(dir: string, options: ReadOptions): CheckedInventory {
  const hosts = readYamlFile(path.join(dir, 'hosts.yml'), options.hosts);
  const main = readYamlFile(path.join(dir, 'group_vars', 'all', 'main.yml'));
  const findings: Finding[] = [...hosts.findings, ...main.findings];
  if (findings.length > 0) return { unplaced: [], findings };

  const variables = parsePart(main, [], {
    schema: FleetVariables,
    value: main.value,
    field: '',
    alsoKnown: options.alsoKnown,
  });
  const connectivity = readConnectivity(connectivityFile(dir, options.root));
  const groups = readGroups(hosts);
  const read = readEntries(hosts, groups.entries, options);
  findings.push(
    ...variables.findings,
    ...checkWords(main.file, ['chat_access', 'api_tokens', 'github']),
    ...groups.findings,
    ...read.findings,
    ...checkFiles(dir, main, variables.value),
    ...connectivity.findings,
    // A file that is named elsewhere is Ansible's to find.
    ...('control_policies_file' in (asMap(main.value) ?? {})
      ? []
      : checkPolicies(options.root, variables.value?.api_tokens ?? [])),
  );
  if (!variables.value) return { unplaced: [], findings };

  const fleetVariables = variables.value;
  const { fleet, network_domain: domain = `${fleet}.internal` } = fleetVariables;
  const hypervisors = read.hypervisors.map(({ name, entry }) => toHypervisor(name, entry, fleetVariables));
  const all = read.machines.flatMap((each) => toMachine(each, fleet) ?? []);
  const machines = all.filter((each): each is Machine => 'host' in each);
  const unplaced = all.filter((each) => !('host' in each));
  const known = { hosts, main, variables: fleetVariables, hypervisors };
  findings.push(
    ...checkTogether({ ...known, machines: all }),
    ...checkChatHost(known),
    ...checkGithub(main, fleetVariables, all),
  );
  if (!hasErrors(findings)) findings.push(...checkCapacity({ ...known, machines }));
  if (hasErrors(findings)) return { unplaced, findings };
  const { rules } = connectivity;
  const inventory = {
    ...{ dir, fleet, domain, hypervisors, machines },
    variables: fleetVariables,
    connectivity: rules,
  };
  return { inventory, unplaced, findings };
}

/** The inventory; throws an InventoryError that lists everything that is wrong with it. */
export function readInventory(dir: string, options: ReadOptions): Inventory {
  const { inventory, findings } = checkInventory(dir, options);
  if (!inventory) throw new InventoryError(findings.filter(({ severity }) => severity === 'error'));
  return inventory;
}

interface Entry {
  readonly group: Group;
  readonly name: string;
  readonly value: unknown;
}

function readGroups(hosts: YamlFile): { entries: Entry[]; findings: Finding[] } {
  const findings: Finding[] = [];
  const top = asMap(hosts.value);
  if (!top) {
    return { entries: [], findings: [hosts.finding([], `write the groups ${GROUPS.join(', ')}.`)] };
  }
  const entries: Entry[] = [];
  for (const [group, content] of Object.entries(top)) {
    if (!isGroup(group)) {
      const meant = nearest(group, GROUPS);
      findings.push(
        hosts.finding([group], `there is no such group, only ${GROUPS.join(', ')}.`, { atKey: true, meant }),
      );
      continue;
    }
    const allowed = group === 'machines' ? 'children' : 'hosts';
    for (const key of Object.keys(asMap(content) ?? {})) {
      if (key === allowed) continue;
      findings.push(
        hosts.finding([group, key], `only ${allowed} may stand in the group ${group}.`, { atKey: true }),
      );
    }
    if (group === 'machines') continue;
    for (const [name, value] of Object.entries(asMap(asMap(content)?.['hosts']) ?? {})) {
      entries.push({ group, name, value });
    }
  }
  const children = Object.keys(asMap(asMap(top['machines'])?.['children']) ?? {}).toSorted();
  if (children.join() !== 'agents,hub') {
    findings.push(
      hosts.finding(['machines', 'children'], 'the children of machines are hub and agents, and no others.'),
    );
  }
  return { entries, findings };
}

interface ReadEntries {
  readonly hypervisors: readonly { readonly name: string; readonly entry: HypervisorEntry }[];
  readonly machines: readonly MachineOfGroup[];
  readonly findings: readonly Finding[];
}

/** Every entry by itself; one that is wrong does not hide what is wrong with the others. */
function readEntries(hosts: YamlFile, entries: readonly Entry[], options: ReadOptions): ReadEntries {
  const findings: Finding[] = [...checkHub(hosts, entries), ...checkPlaces(hosts, entries)];
  const hypervisors: { name: string; entry: HypervisorEntry }[] = [];
  const machines: MachineOfGroup[] = [];
  for (const { group, name, value } of entries) {
    const at = [group, 'hosts', name];
    findings.push(...checkName(hosts, at, name));
    const part = { value: value ?? {}, field: name, alsoKnown: options.alsoKnown };
    if (group === 'hypervisors') {
      const parsed = parsePart(hosts, at, { ...part, schema: HypervisorEntry });
      findings.push(...parsed.findings);
      if (parsed.value) hypervisors.push({ name, entry: parsed.value });
    } else if (group !== 'machines') {
      const parsed = parsePart(hosts, at, { ...part, schema: MachineEntry });
      findings.push(...parsed.findings);
      if (!parsed.value) continue;
      const machine = { group, name, entry: parsed.value };
      machines.push(machine);
      findings.push(...checkMachine(hosts, at, machine, options));
    }
  }
  return { hypervisors, machines, findings };
}

function checkHub(hosts: YamlFile, entries: readonly Entry[]): Finding[] {
  const hubs = entries.filter(({ group }) => group === 'hub').length;
  if (hubs === 1) return [];
  const message =
    hubs === 0
      ? 'there is no hub, the machine of the bus and the control plane: add one host to the group hub.'
      : `there is one hub in a fleet, not ${hubs}.`;
  return [hosts.finding(['hub', 'hosts'], message, { field: 'hub' })];
}

function checkPlaces(hosts: YamlFile, entries: readonly Entry[]): Finding[] {
  const names = entries.filter(({ group }) => group === 'hypervisors').map(({ name }) => name);
  return entries.flatMap(({ group, name, value }) => {
    const host = asMap(value)?.['host'];
    if (group === 'hypervisors' || typeof host !== 'string' || names.includes(host)) return [];
    const message = `there is no hypervisor ${host}, only ${names.join(', ') || 'none at all'}.`;
    const meant = nearest(host, names);
    return [hosts.finding([group, 'hosts', name, 'host'], message, { field: `${name}.host`, meant })];
  });
}

function checkName(hosts: YamlFile, at: readonly string[], name: string): Finding[] {
  if (!NAME.test(name)) {
    const message = 'a name begins with a letter and has at most 63 of: a-z, 0-9 and -.';
    return [hosts.finding(at, message, { atKey: true, field: name })];
  }
  if (!TAKEN.has(name)) return [];
  return [
    hosts.finding(at, 'this name is taken by Ansible or by a group; choose another.', {
      atKey: true,
      field: name,
    }),
  ];
}

function checkMachine(
  hosts: YamlFile,
  at: readonly string[],
  { group, name, entry }: MachineOfGroup,
  { root, mayBeUnplaced = false }: ReadOptions,
): Finding[] {
  const findings: Finding[] = [];
  const finding = (field: string, message: string, severity: Finding['severity'] = 'error'): void => {
    findings.push(hosts.finding([...at, field], message, { severity, field: `${name}.${field}` }));
  };
  if (entry.host === undefined && !mayBeUnplaced) {
    finding('host', 'the machine is not placed: name the hypervisor that it lives on, host: <name>.');
  }
  if (!entry.profile && (entry.vcpus === undefined || entry.memory_mib === undefined)) {
    finding(
      'profile',
      'nothing says how large the machine is: give a profile (light, medium or heavy), or vcpus and memory_mib.',
    );
  }
  if (group === 'hub' && entry.data_gib < HUB_DATA_GIB) {
    finding(
      'data_gib',
      `the bus may come to hold ${BUS_GIB.toFixed(1)} GiB on the data disk, of which nats-server takes three quarters at most: write at least ${HUB_DATA_GIB}.`,
    );
  }
  if (group === 'agents' && !existsSync(path.join(root, 'agents', name, 'agent.yml'))) {
    const message = `there is no agents/${name}/agent.yml yet; the agent cannot be set up without it.`;
    findings.push(hosts.finding(at, message, { severity: 'warning', atKey: true, field: name }));
  }
  return findings;
}

/** What Ansible would read and we do not, and what has to come in one piece. */
function checkFiles(dir: string, main: YamlFile, variables: FleetVariables | undefined): Finding[] {
  const findings: Finding[] = [];
  if (existsSync(path.join(dir, 'host_vars'))) {
    const message = 'host_vars is not read by Olympus, only by Ansible: write its fields in hosts.yml.';
    findings.push({ ...main.finding([], message), file: path.join(dir, 'host_vars'), severity: 'warning' });
  }
  if (!variables) return findings;
  if ((variables.vm_image_file === undefined) === (variables.vm_image_manifest === undefined)) {
    findings.push(
      main.finding(['vm_image_file'], 'name the base image by vm_image_file or by vm_image_manifest.'),
    );
  }
  if ((variables.vm_kernel_file === undefined) !== (variables.vm_initrd_file === undefined)) {
    findings.push(main.finding(['vm_kernel_file'], 'vm_kernel_file and vm_initrd_file come together.'));
  }
  return findings;
}

function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

function isGroup(name: string): name is Group {
  return GROUPS.some((group) => group === name);
}

function asMap(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
