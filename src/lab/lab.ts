import type { Environment } from '#lib/config.ts';
import type { Logger } from '#lib/log.ts';
import { ensureHypervisor, proxyCommand, untilHypervisorReady } from './hypervisors/hypervisor.ts';
import { checkHypervisors, type HypervisorPlan } from './hypervisors/hypervisor-plan.ts';
import { ensureSshKeys } from './hypervisors/ssh-keys.ts';
import { claimStateDir, sshConfigFile } from './lab-claim.ts';
import { LabError } from './lab-error.ts';
import { type LabNames, labNames } from './lab-names.ts';
import { emptyLabState, type LabState, readLabState, writeLabState } from './lab-state.ts';
import { writePrivateFile } from './local/secrets.ts';
import { noteNamespaceMount } from './network/namespace-mount.ts';
import { ensureSwitch } from './network/switch.ts';
import { checkMachine } from './preflight.ts';
import { type Door, ensureGates } from './relay/gates.ts';

export interface LabOptions {
  readonly stateDir: string;
  readonly hypervisors: readonly HypervisorPlan[];
  readonly switchAddress: string;
  /** Of the network: 24. */
  readonly prefix: number;
  /** Where machines ask for a model, on the switch's address. */
  readonly modelPort: number;
  /** A chat server outside of the lab, and where machines reach it, on the switch's address. */
  readonly chat?: { readonly url: string; readonly port: number } | undefined;
  /** Services of machines that are opened on this machine's loopback. */
  readonly doors: readonly Door[];
  /** Out of `providerEnvironment`: which model provider answers. Without one the scripted stand-in does. */
  readonly providerEnv: Environment;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** What a lab that is up can be reached by. */
export interface RaisedLab {
  readonly names: LabNames;
  /** By the doors' names: `http://127.0.0.1:8065`. */
  readonly doorUrls: Readonly<Record<string, string>>;
  /** Which model answers, in words. */
  readonly model: string;
}

/**
 * Has the lab's network and hypervisors run, and resolves when each lets us in over SSH and its libvirt answers.
 * What runs already is recognised and left alone; what an interrupted or damaged one lacks is made. The caller
 * holds the lab's lock.
 */
export async function raiseLab(options: LabOptions): Promise<RaisedLab> {
  const { hypervisors, switchAddress, prefix, modelPort, chat: outside, log, signal } = options;
  const names = labNames(options.stateDir);
  await checkMachine(signal);
  checkHypervisors(hypervisors, switchAddress);
  claimStateDir(names);
  const state = readLabState(names) ?? emptyLabState();
  refuseMoves(state, options);
  const save = (): void => writeLabState(names, state);
  state.network = { switchAddress, prefix, modelPort };
  if (outside) state.chat = outside;
  for (const { name, address } of hypervisors) state.hypervisors[name] ??= { address };
  save();

  await ensureSshKeys(names.stateDir, hypervisors, signal);
  writePrivateFile(sshConfigFile(names), `Host *\n  ProxyCommand ${proxyCommand(names)}\n`);
  noteNamespaceMount();
  await ensureSwitch(names, { address: switchAddress, prefix, signal });
  await together(signal, [
    (both) => {
      const model = { address: switchAddress, port: modelPort };
      const chat = outside && {
        listen: { address: switchAddress, port: outside.port },
        url: outside.url,
      };
      return ensureGates(names, state, { ...options, model, chat, signal: both }, save);
    },
    ...hypervisors.map((hypervisor) => async (both: AbortSignal) => {
      const recorded = state.hypervisors[hypervisor.name]?.process;
      const process = await ensureHypervisor(names, hypervisor, { prefix, recorded, signal: both });
      state.hypervisors[hypervisor.name] = { address: hypervisor.address, process };
      save();
      await untilHypervisorReady(names, hypervisor, { process, signal: both });
      log.info({ hypervisor: hypervisor.name, address: hypervisor.address }, 'hypervisor is ready');
    }),
  ]);
  const { doors, model = '' } = state;
  const urls = doors.map(({ name, localPort }) => [name, `http://127.0.0.1:${localPort}`]);
  return { names, doorUrls: Object.fromEntries(urls), model };
}

/** Does all of it at once. The first failure ends the others, and rises when they have ended. */
async function together(
  signal: AbortSignal,
  steps: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const onFailure = (error: unknown): void => failed.abort(error);
  await Promise.all(steps.map((step) => step(both).catch(onFailure)));
  both.throwIfAborted();
}

function refuseMoves(state: LabState, options: LabOptions): void {
  const { network } = state;
  if (network && (network.switchAddress !== options.switchAddress || network.prefix !== options.prefix)) {
    throw moved(
      'the switch',
      `${network.switchAddress}/${network.prefix}`,
      `${options.switchAddress}/${options.prefix}`,
    );
  }
  for (const { name, address } of options.hypervisors) {
    const before = state.hypervisors[name]?.address;
    if (before !== undefined && before !== address) throw moved(name, before, address);
  }
}

function moved(what: string, before: string, wanted: string): LabError {
  return new LabError(
    `In this lab ${what} has the address ${before}, and the inventory now says ${wanted}.`,
    'Run `olympus lab down` first, or give the new lab another OLYMPUS_STATE_DIR.',
  );
}
