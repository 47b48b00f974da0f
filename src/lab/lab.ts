import type { Logger } from '#lib/log.ts';
import { ensureHypervisor, proxyCommand, untilHypervisorReady } from './hypervisors/hypervisor.ts';
import { checkHypervisors, type HypervisorPlan } from './hypervisors/hypervisor-plan.ts';
import { ensureSshKeys } from './hypervisors/ssh-keys.ts';
import { claimStateDir, sshConfigFile } from './lab-claim.ts';
import { LabError } from './lab-error.ts';
import { labNames } from './lab-names.ts';
import { emptyLabState, type LabState, readLabState, writeLabState } from './lab-state.ts';
import { writePrivateFile } from './local/secrets.ts';
import { noteNamespaceMount } from './network/namespace-mount.ts';
import { ensureSwitch } from './network/switch.ts';
import { checkMachine } from './preflight.ts';

export interface LabOptions {
  readonly stateDir: string;
  readonly hypervisors: readonly HypervisorPlan[];
  readonly switchAddress: string;
  /** Of the network: 24. */
  readonly prefix: number;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Has the lab's network and hypervisors run, and resolves when each lets us in over SSH and its libvirt answers.
 * What runs already is recognised and left alone; what an interrupted or damaged one lacks is made. The caller
 * holds the lab's lock.
 */
export async function raiseLab(options: LabOptions): Promise<void> {
  const { hypervisors, switchAddress, prefix, log, signal } = options;
  const names = labNames(options.stateDir);
  await checkMachine(signal);
  checkHypervisors(hypervisors, switchAddress);
  claimStateDir(names);
  const state = readLabState(names) ?? emptyLabState();
  refuseMoves(state, options);
  state.network = { switchAddress, prefix };
  for (const { name, address } of hypervisors) state.hypervisors[name] ??= { address };
  writeLabState(names, state);

  await ensureSshKeys(names.stateDir, hypervisors, signal);
  writePrivateFile(sshConfigFile(names), `Host *\n  ProxyCommand ${proxyCommand(names)}\n`);
  noteNamespaceMount();
  await ensureSwitch(names, { address: switchAddress, prefix, signal });
  await Promise.all(
    hypervisors.map(async (hypervisor) => {
      const recorded = state.hypervisors[hypervisor.name]?.process;
      const process = await ensureHypervisor(names, hypervisor, { prefix, recorded, signal });
      state.hypervisors[hypervisor.name] = { address: hypervisor.address, process };
      writeLabState(names, state);
      await untilHypervisorReady(names, hypervisor, { process, signal });
      log.info({ hypervisor: hypervisor.name, address: hypervisor.address }, 'hypervisor is ready');
    }),
  );
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
