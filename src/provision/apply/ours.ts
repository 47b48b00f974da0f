import type { Domain } from '#integrations/libvirt/hypervisor.ts';
import { parseApplied } from '../machine/plan.ts';
import type { Failure } from './outcome.ts';

/** Why a domain is not to be touched; undefined for one of this fleet. */
export function notOurs(
  name: string,
  { defined }: Domain,
  { host, fleet }: { readonly host: string; readonly fleet: string },
): Failure | undefined {
  const its = parseApplied(defined.metadata)?.spec.fleet;
  if (defined.metadata !== undefined && (its === undefined || its === fleet)) return undefined;
  const whose = its === undefined ? 'was not made by Olympus' : `belongs to the fleet ${its}`;
  return {
    message: `The domain ${name} on ${host} ${whose}; nothing of it was touched.`,
    remedy: 'Use virsh, if it really has to be.',
    console: [],
  };
}
