import { existsSync, readFileSync } from 'node:fs';
import { removeClaimed } from './lab-claim.ts';
import { LabError } from './lab-error.ts';
import type { LabNames } from './lab-names.ts';
import { type LabState, readLabState } from './lab-state.ts';
import { namespaceOwner, namespaceProcesses, namespacesNamed, removeNamespace } from './network/namespace.ts';
import { tidyNamespaceMount } from './network/namespace-mount.ts';
import { requireRoot } from './preflight.ts';
import { endProcesses, findByArguments } from './process-record.ts';
import { labArguments } from './relay/gate-config.ts';

const GATE_GRACE_MS = 5000;

export interface DownResult {
  /** Whether there was anything to take down. */
  readonly changed: boolean;
  /** What was in the state directory before the lab, and stays. */
  readonly kept: readonly string[];
}

/**
 * Ends everything of the lab and removes what it made: virtual machines, daemons, gates, namespaces, files, keys and
 * secrets. It goes by the lab's id, so it also clears what a half-built lab, or one without its state file, left.
 * Twice is fine. The caller holds the lab's lock.
 */
export async function takeDownLab(names: LabNames, signal: AbortSignal): Promise<DownResult> {
  requireRoot('take down a lab');
  const state = readLabState(names);
  const namespaces = await namespacesNamed(`olympus-${names.id}-`);
  const changed = namespaces.length > 0 || existsSync(names.dir);
  await endProcesses(gateProcesses(names, state), { graceMs: GATE_GRACE_MS, signal });
  for (const namespace of namespaces) await clearNamespace(namespace, names, signal);
  // A hypervisor whose namespace lost its name is still found by what its first process was started with.
  await endProcesses(
    Object.values(state?.hypervisors ?? {}).flatMap((each) => each.process ?? []),
    {
      graceMs: 0,
      signal,
    },
  );
  refuseMounts(names);
  const { kept } = removeClaimed(names);
  await tidyNamespaceMount(signal);
  return { changed, kept };
}

function gateProcesses(names: LabNames, state: LabState | undefined) {
  const recorded = Object.values(state?.gates ?? {}).flatMap((gate) => (gate ? [gate.process] : []));
  return [...recorded, ...findByArguments(labArguments(names))];
}

/**
 * Ends whatever lives in a namespace of ours: a hypervisor's first process takes its daemons and virtual machines
 * along, and what somebody else runs there (an ssh connection through the switch) has no other end to talk to.
 */
async function clearNamespace(namespace: string, names: LabNames, signal: AbortSignal): Promise<void> {
  const owner = await namespaceOwner(namespace, names.mark, signal);
  if (owner === 'foreign') {
    throw new LabError(
      `The network namespace ${namespace} is not of this lab, so it stays.`,
      `Remove it with \`ip netns delete ${namespace}\` if nobody needs it, then run this again.`,
    );
  }
  // A process may start another one while it is being ended.
  for (let left = await namespaceProcesses(namespace, signal); left.length > 0; ) {
    await endProcesses(left, { graceMs: 0, signal });
    left = await namespaceProcesses(namespace, signal);
  }
  await removeNamespace(namespace, signal);
}

/** Files are removed only where nothing is mounted: what is mounted there belongs to something else. */
function refuseMounts(names: LabNames): void {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.startsWith(`${names.dir}/`));
  if (mounts.length === 0) return;
  throw new LabError(
    `Something is mounted in the lab's folder: ${mounts.join(', ')}.`,
    `Run \`umount ${mounts.join(' ')}\`, then run this again.`,
  );
}
