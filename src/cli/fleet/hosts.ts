import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  type ConfiguredHosts,
  configuredHosts,
  type SshAccess,
  sshAccess,
} from '#integrations/ssh/access.ts';
import { nearest } from '#provision/inventory/finding.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { Settings } from '../settings.ts';

/** How this call reaches the fleet's machines. */
export function accessOf({ stateDir, env }: Settings): SshAccess {
  return sshAccess(stateDir, env['SSH_AUTH_SOCK']);
}

/** The machines and hypervisors that can be reached; undefined when this state directory knows of none. */
export function fleetHosts(settings: Settings): Promise<ConfiguredHosts | undefined> {
  return configuredHosts(accessOf(settings).configFile);
}

/** Whether the fleet of this state directory is one of processes on this machine, as `npm run dev` starts it. */
export function isLocalFleet({ stateDir }: Settings): boolean {
  return existsSync(path.join(stateDir, 'logs', 'control.log'));
}

/** The name of a machine that can be reached, or an error with the names there are. */
export async function knownMachine(name: string, settings: Settings): Promise<string> {
  const hosts = await fleetHosts(settings);
  if (!hosts) throw noMachines(settings);
  if (hosts.machines.includes(name)) return name;
  throw unknownName(name, hosts.machines, hosts.hypervisors);
}

/** Nothing in this state directory says where machines are. */
function noMachines(settings: Settings): CliError {
  if (isLocalFleet(settings)) {
    return new CliError(
      'The agents of this fleet are processes on this machine, so there is no machine to go to.',
      `Their files are in ${path.join(settings.stateDir, 'agents')}.`,
    );
  }
  return new CliError(
    `${settings.stateDir} does not know of any machine: there is no ${accessOf(settings).configFile}.`,
    'Bring a fleet up with `olympus lab up`, or write the file for yours: `olympus ssh-config --inventory <folder>`. A fleet with another state directory: OLYMPUS_STATE_DIR.',
  );
}

/** `name` is none of those there are; `others` are known too, but not what is asked for. */
export function unknownName(
  name: string,
  known: readonly string[],
  others: readonly string[] = [],
): CliError {
  if (others.includes(name)) {
    return usageError(`${name} is a hypervisor, not a machine.`, `The machines are ${list(known)}.`);
  }
  const meant = nearest(name, known);
  return usageError(
    `There is no ${name} in this fleet.`,
    `${meant ? `Did you mean ${meant}? ` : ''}There ${known.length === 1 ? 'is' : 'are'} ${list(known)}.`,
  );
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
