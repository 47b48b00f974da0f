import { existsSync } from 'node:fs';
import path from 'node:path';
import { Manifest } from '#core/manifest.ts';
import { readYaml } from '#lib/yaml.ts';
import type { UnplacedMachine } from '../inventory/inventory.ts';
import { sizeOf } from './load.ts';
import type { Wanting } from './place.ts';

/**
 * Machines as they want a place: an agent apart from those whose first domain is its own, so that one hypervisor that is
 * down does not take all who can do a kind of work. `all` are the others that have a place, or want one too.
 */
export function wantingOf(
  root: string,
  wanting: readonly UnplacedMachine[],
  all: readonly UnplacedMachine[],
): Wanting[] {
  const domains = new Map(all.map(({ name }) => [name, domainOf(root, name)]));
  return wanting.map((machine) => {
    const domain = domains.get(machine.name);
    const same = [...domains].filter(([name, other]) => name !== machine.name && other === domain);
    const apart = domain === undefined ? [] : same.map(([name]) => [name, `both of ${domain}`] as const);
    return { name: machine.name, size: sizeOf(machine), apart: new Map(apart) };
  });
}

/** The domain of an agent's work that names none; undefined for a hub, and for an agent without a manifest. */
function domainOf(root: string, name: string): string | undefined {
  const file = path.join(root, 'agents', name, 'agent.yml');
  return existsSync(file) ? readYaml(file, Manifest).domains[0] : undefined;
}
