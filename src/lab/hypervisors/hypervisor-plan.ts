import { isIPv4 } from 'node:net';
import path from 'node:path';
import { LabError } from '../lab-error.ts';
import type { LabNames } from '../lab-names.ts';

/** A hypervisor to simulate, as the inventory has it. */
export interface HypervisorPlan {
  readonly name: string;
  readonly address: string;
}

/** Where everything of a hypervisor is: `files/` is what it has instead of the machine's own folders. */
export function hypervisorDir(names: LabNames, hypervisor: string): string {
  return path.join(names.dir, 'hypervisors', hypervisor);
}

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Refuses, before anything is made, names and addresses that cannot stand side by side. */
export function checkHypervisors(hypervisors: readonly HypervisorPlan[], switchAddress: string): void {
  const owners = new Map([[switchAddress, 'the switch']]);
  const seen = new Set(['switch']);
  for (const { name, address } of hypervisors) {
    if (!NAME.test(name)) {
      throw wrong(`A hypervisor cannot be called ${name}`, 'write lower-case letters, digits and hyphens');
    }
    if (seen.has(name)) throw wrong(`The name ${name} is taken already`, 'give each hypervisor its own name');
    if (!isIPv4(address)) throw wrong(`${name} has the address ${address}`, 'write an IPv4 address');
    const owner = owners.get(address);
    if (owner) {
      throw wrong(`${name} has the address ${address}, and so has ${owner}`, 'give each its own address');
    }
    seen.add(name);
    owners.set(address, name);
  }
}

function wrong(what: string, wanted: string): LabError {
  return new LabError(`${what}.`, `In the inventory's hosts.yml, ${wanted}.`);
}
