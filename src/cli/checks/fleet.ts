import { execFile } from 'node:child_process';
import { findingLine } from '#provision/inventory/finding.ts';
import type { Inventory } from '#provision/inventory/inventory.ts';
import { checkInventory } from '#provision/inventory/read-inventory.ts';
import type { CliContext } from '../context.ts';
import { accessOf, fleetHosts } from '../fleet/hosts.ts';
import { MACHINE_COMMAND } from '../fleet/machine-report.ts';
import { type Answer, askEach } from '../fleet/survey.ts';
import { readOptions } from '../inventory-option.ts';
import { type Check, type Findings, failed, passed, warned } from './check.ts';
import { HYPERVISOR_COMMAND, hypervisorChecks } from './hypervisors.ts';
import { machineChecks } from './machines.ts';

/** Looks at the inventory, if one is given, and at every hypervisor and machine that can be reached from here. */
export async function fleetFindings(
  inventoryDir: string | undefined,
  context: CliContext,
): Promise<Findings> {
  const { settings } = context;
  const described = inventoryDir === undefined ? undefined : checkInventory(inventoryDir, readOptions());
  const inventory = described?.inventory;
  const checks: Check[] = described ? inventoryChecks(described.findings, inventoryDir ?? '', inventory) : [];
  const notChecked = described ? [] : ['inventory (name it with --inventory)'];
  const hosts = await fleetHosts(settings);
  if (!hosts) {
    checks.push(noFleet(context));
    return { checks, notChecked: [...notChecked, 'hypervisors', 'machines'] };
  }
  const locals = (inventory?.hypervisors ?? []).filter(({ local }) => local).map(({ name }) => name);
  const [hypervisors, machines, here] = await Promise.all([
    askEach(hosts.hypervisors, HYPERVISOR_COMMAND, context),
    askEach(hosts.machines, MACHINE_COMMAND, context),
    Promise.all(locals.map((name) => askHere(name, HYPERVISOR_COMMAND, context.signal))),
  ]);
  const bridgeOf = (host: string): string | undefined => {
    const attach = inventory?.hypervisors.find(({ name }) => name === host)?.attach;
    return attach && 'bridge' in attach ? attach.bridge : undefined;
  };
  checks.push(
    ...missingFromConfig(inventory, hosts.machines),
    ...[...here, ...hypervisors].flatMap((answer) => hypervisorChecks(answer, bridgeOf(answer.host))),
    ...machines.flatMap((answer) => machineChecks(answer, [...here, ...hypervisors])),
  );
  return { checks, notChecked };
}

function inventoryChecks(
  findings: ReturnType<typeof checkInventory>['findings'],
  dir: string,
  inventory: Inventory | undefined,
): Check[] {
  const name = 'inventory';
  const found = findings.map((finding) =>
    (finding.severity === 'error' ? failed : warned)(
      name,
      findingLine(finding),
      'Correct that line; `olympus inventory check` reads it again.',
    ),
  );
  if (!inventory) return found;
  const { fleet, machines, hypervisors } = inventory;
  const size = `${machines.length} machines on ${hypervisors.length} hypervisors`;
  return [passed(name, `${dir}: fleet ${fleet}, ${size}`), ...found];
}

/** Somebody who only talks to a fleet needs no way to its machines. */
function noFleet({ settings }: CliContext): Check {
  const what = `no machine is known here: there is no ${accessOf(settings).configFile}`;
  const remedy =
    'Bring up a fleet on this machine with `olympus lab up`, or for yours: olympus ssh-config --inventory <folder>';
  return (settings.env['OLYMPUS_API_URL'] ? warned : failed)('fleet', what, remedy);
}

function missingFromConfig(inventory: Inventory | undefined, configured: readonly string[]): Check[] {
  const missing = (inventory?.machines ?? []).filter(({ name }) => !configured.includes(name));
  if (missing.length === 0) return [];
  return [
    failed(
      'ssh config',
      `it lacks ${missing.map(({ name }) => name).join(', ')} of the inventory`,
      `olympus ssh-config --inventory ${inventory?.dir}`,
    ),
  ];
}

/** The hypervisor that is this very machine is asked without SSH. */
function askHere(host: string, command: string, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  // The exit code is that of the last part: every part says for itself what it found.
  execFile('/bin/sh', ['-c', command], { signal, timeout: HERE_TIMEOUT_MS }, (_error, stdout) =>
    resolve({ host, up: true, text: stdout }),
  );
  return promise;
}

const HERE_TIMEOUT_MS = 20_000;
