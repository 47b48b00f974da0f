import { type DomainView, listDomains } from './hypervisors/hypervisor.ts';
import { type LabNames, labNames } from './lab-names.ts';
import { type LabState, readLabState } from './lab-state.ts';
import { namespacesNamed } from './network/namespace.ts';
import { requireRoot } from './preflight.ts';
import { isRunning } from './process-record.ts';
import { chatGateProblem, listensOn, modelGateProblem } from './relay/gates.ts';

/** A simulated hypervisor and what is on it; `problem` says what is wrong with it. */
export interface HypervisorView {
  readonly name: string;
  readonly address: string;
  readonly machines: readonly DomainView[];
  readonly problem?: string;
}

/** A way into the lab from this machine's own browser. */
export interface DoorView {
  readonly name: string;
  readonly url: string;
  readonly problem?: string;
}

export interface LabView {
  readonly id: string;
  readonly stateDir: string;
  /** `up`: all of it runs. `damaged`: `lab up` has something to mend. `down`: there is nothing. */
  readonly state: 'up' | 'damaged' | 'down';
  /** The namespace from which every machine is reached: `ip netns exec <it> …`. */
  readonly namespace: string;
  readonly hypervisors: readonly HypervisorView[];
  readonly doors: readonly DoorView[];
  /** Which model answers the agents, and whether it can be reached from the lab's network. */
  readonly model?: { readonly provider: string; readonly problem?: string };
  /** The chat server outside that the agents are in, and whether it can be reached from there; else it is the stand-in. */
  readonly chatOutside?: { readonly url: string; readonly problem?: string };
  /** Namespaces of this lab of which its state file knows nothing. */
  readonly leftovers: readonly string[];
}

/** Looks at everything of a lab, without changing it. */
export async function lookAtLab(stateDir: string, signal: AbortSignal): Promise<LabView> {
  requireRoot('look into a lab');
  const names = labNames(stateDir);
  const state = readLabState(names);
  const known = Object.keys(state?.hypervisors ?? {}).map(names.namespaceOf);
  const namespaces = await namespacesNamed(`olympus-${names.id}-`);
  const leftovers = namespaces.filter(
    (namespace) => namespace !== names.switchNamespace && !known.includes(namespace),
  );
  const about = { id: names.id, stateDir: names.stateDir, namespace: names.switchNamespace, leftovers };
  if (!state) {
    const nothing = namespaces.length === 0;
    return { ...about, state: nothing ? 'down' : 'damaged', hypervisors: [], doors: [] };
  }

  const [hypervisors, doors, model, chatOutside] = await Promise.all([
    lookAtHypervisors(names, state, signal),
    lookAtDoors(state),
    lookAtModel(names, state, signal),
    lookAtChat(names, state, signal),
  ]);
  const outside = { ...(model ? { model } : {}), ...(chatOutside ? { chatOutside } : {}) };
  const parts = [...hypervisors, ...doors, ...Object.values(outside)];
  const sound = leftovers.length === 0 && parts.every(({ problem }) => problem === undefined);
  return { ...about, state: sound ? 'up' : 'damaged', hypervisors, doors, ...outside };
}

function lookAtHypervisors(names: LabNames, state: LabState, signal: AbortSignal): Promise<HypervisorView[]> {
  return Promise.all(
    Object.entries(state.hypervisors).map(async ([name, { address, process }]) => {
      const view = { name, address, machines: [] };
      if (!process || !isRunning(process)) return { ...view, problem: 'it does not run' };
      const answer = await listDomains(names, { name, address }, signal);
      return 'domains' in answer
        ? { ...view, machines: answer.domains }
        : { ...view, problem: answer.reason };
    }),
  );
}

function lookAtDoors(state: LabState): Promise<DoorView[]> {
  return Promise.all(
    state.doors.map(async ({ name, localPort }) => {
      const problem = (await listensOn(localPort)) ? undefined : 'nothing listens there';
      return { name, url: `http://127.0.0.1:${localPort}`, ...(problem ? { problem } : {}) };
    }),
  );
}

async function lookAtModel(
  names: LabNames,
  { network, model: provider }: LabState,
  signal: AbortSignal,
): Promise<LabView['model']> {
  if (!network || provider === undefined) return undefined;
  const place = { address: network.switchAddress, port: network.modelPort };
  const problem = await modelGateProblem(names, place, signal);
  return { provider, ...(problem ? { problem } : {}) };
}

async function lookAtChat(
  names: LabNames,
  { network, chat }: LabState,
  signal: AbortSignal,
): Promise<LabView['chatOutside']> {
  if (!network || !chat) return undefined;
  const place = { address: network.switchAddress, port: chat.port };
  const problem = await chatGateProblem(names, place, signal);
  return { url: chat.url, ...(problem ? { problem } : {}) };
}
