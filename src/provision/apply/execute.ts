import { DISK_TARGETS } from '#integrations/libvirt/domain-xml.ts';
import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import type { Clock } from '#lib/clock.ts';
import { seedImage } from '../cloud-init/seed.ts';
import { definitionOf, imagePath, type MachineSpec, machineFiles } from '../machine/machine-spec.ts';
import type { Step } from '../machine/step.ts';
import type { WantedMachine } from './machine-context.ts';

export interface ExecuteOptions {
  readonly hypervisor: Hypervisor;
  readonly spec: MachineSpec;
  readonly wanted: WantedMachine;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const SHUTDOWN_TIMEOUT_MS = 120_000;
const POLL_MS = 500;

/** Does one step. Done a second time, it changes nothing more. */
export async function executeStep(step: Step, options: ExecuteOptions): Promise<void> {
  const { hypervisor, spec, signal } = options;
  const { name } = spec;
  const files = machineFiles(name);
  switch (step.kind) {
    case 'write-seed':
      // Whoever is killed after this starts over with the key: without the mark, the seed counts as not used.
      await hypervisor.remove(files.ready, signal);
      return writeSeed(options, true);
    case 'stop':
      return stop(options);
    case 'remove-root':
      await hypervisor.remove(files.root, signal);
      return;
    case 'create-root':
      return hypervisor.createOverlay(files.root, imagePath(spec.image.file), spec.diskGib, signal);
    case 'create-data':
      return hypervisor.createDataDisk(files.data, 'data', spec.dataGib, signal);
    case 'grow-root':
    case 'grow-data':
      return grow(step, options);
    case 'define':
      return hypervisor.define(definitionOf(spec).xml, signal);
    case 'autostart':
      return hypervisor.setAutostart(name, true, signal);
    case 'set-memory':
      return hypervisor.setLiveMemory(name, spec.memoryMib * 1024, signal);
    case 'start':
      return hypervisor.start(name, signal);
    case 'resume':
      return hypervisor.resume(name, signal);
    case 'finish':
      await writeSeed(options, false);
      return hypervisor.writeFile(files.ready, `${spec.instanceId}\n`, signal);
    default:
      return step satisfies never;
  }
}

async function writeSeed({ hypervisor, spec, wanted, signal }: ExecuteOptions, withHostKey: boolean) {
  const image = seedImage(wanted.seed(withHostKey));
  await hypervisor.writeFile(machineFiles(spec.name).seed, image, signal);
}

async function grow(step: Step & { readonly sizeGib: number }, options: ExecuteOptions): Promise<void> {
  const { hypervisor, spec, signal } = options;
  const which = step.kind === 'grow-root' ? 'root' : 'data';
  const domain = await hypervisor.domain(spec.name, signal);
  const attached = domain?.live ? { domain: spec.name, target: DISK_TARGETS[which] } : undefined;
  await hypervisor.growDisk(machineFiles(spec.name)[which], step.sizeGib, attached, signal);
}

/** The guest is asked to shut down; one that does not within two minutes loses its power. */
async function stop({ hypervisor, spec, clock, signal }: ExecuteOptions): Promise<void> {
  const { name } = spec;
  const before = await hypervisor.domain(name, signal);
  if (!before || before.state === 'off') return;
  if (before.state === 'running') await hypervisor.shutdown(name, signal);
  const startedAt = clock.now();
  while (clock.now() - startedAt < SHUTDOWN_TIMEOUT_MS && before.state !== 'paused') {
    const domain = await hypervisor.domain(name, signal);
    if (!domain || domain.state === 'off') return;
    await clock.sleep(POLL_MS, signal);
    signal.throwIfAborted();
  }
  await hypervisor.powerOff(name, signal);
}
