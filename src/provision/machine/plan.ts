import type { Disk, Domain } from '#integrations/libvirt/hypervisor.ts';
import { type Difference, definedDifferences, runningDifferences } from './differences.ts';
import {
  Applied,
  definitionOf,
  type Image,
  imagePath,
  type MachineSpec,
  machineFiles,
  type WantedSpec,
} from './machine-spec.ts';
import type { Change, Effect, MachinePlan, Refusal, Step } from './step.ts';

/** What there is of a machine. */
export interface CurrentMachine {
  readonly domain: Domain | undefined;
  readonly root: Disk | undefined;
  readonly data: Disk | undefined;
  readonly hasSeed: boolean;
  /** The instance id that came up whole. */
  readonly ready: string | undefined;
}

export interface PlanOptions {
  readonly hypervisor: string;
  /** Whether a guest can run with KVM there: decides `auto` for a machine that is made now. */
  readonly hasKvm: boolean;
  /** The person wants a new root disk. Nothing else ever makes one in place of another. */
  readonly replace: boolean;
}

const GIB = 1024 ** 3;

/** The steps from what is there to what is wanted. Pure: the same in, the same out, and nothing is touched. */
export function planMachine(
  wanted: WantedSpec,
  current: CurrentMachine,
  options: PlanOptions,
): MachinePlan | Refusal {
  const applied = parseApplied(current.domain?.defined.metadata);
  const refusal = refuse(wanted, current, applied, options);
  if (refusal) return refusal;
  const spec = settle(wanted, current, applied, options);
  const notes =
    spec.image.file === wanted.image.file
      ? []
      : [
          `${spec.name} stays on the image ${spec.image.file}; ${wanted.image.file} is used once it is replaced (--replace ${spec.name}).`,
        ];
  return { kind: 'plan', spec, ...difference(spec, current, options), notes };
}

/** What was written into a domain; undefined when that is not there or of another release. */
export function parseApplied(metadata: string | undefined): Applied | undefined {
  if (metadata === undefined) return undefined;
  try {
    return Applied.safeParse(JSON.parse(metadata)).data;
  } catch {
    return undefined;
  }
}

function refuse(
  wanted: WantedSpec,
  { domain, root, data, ready }: CurrentMachine,
  applied: Applied | undefined,
  { hypervisor, replace }: PlanOptions,
): Refusal | undefined {
  const { name, fleet } = wanted;
  const refused = (reason: string, remedy: string): Refusal => ({ kind: 'refused', reason, remedy });
  if (domain && domain.defined.metadata === undefined) {
    return refused(
      `${hypervisor} has a domain ${name} that Olympus did not make.`,
      `Rename it there (virsh domrename) or remove it, or give the machine another name.`,
    );
  }
  if (applied && applied.spec.fleet !== fleet) {
    return refused(
      `The domain ${name} on ${hypervisor} belongs to the fleet ${applied.spec.fleet}, not to ${fleet}.`,
      'Give one of the two machines another name, or place it elsewhere.',
    );
  }
  const base = imagePath(wanted.image.file);
  if (!domain && root && root.backing !== base && !replace) {
    return refused(
      `${hypervisor} has a root disk of ${name} without its domain, made from ${root.backing ?? 'nothing'} and not from ${base}.`,
      `Begin it anew with \`olympus apply --replace ${name}\`; the data disk stays.`,
    );
  }
  // What runs, starts with its host or came up once had a data disk: it is made before. The whole folder may have gone.
  const hadDisks = ready !== undefined || domain?.autostart === true || domain?.live !== undefined;
  if (hadDisks && !data && !replace) {
    return refused(
      `The data disk of ${name} is gone: ${machineFiles(name).data} on ${hypervisor}.`,
      `Put it back there, or mount what it is on, or begin anew with new disks, root and data: olympus apply --replace ${name}.`,
    );
  }
  const disks = [
    { what: 'root disk', field: 'disk_gib', disk: replace ? undefined : root, sizeGib: wanted.diskGib },
    { what: 'data disk', field: 'data_gib', disk: data, sizeGib: wanted.dataGib },
  ];
  const tooLarge = disks.find(({ disk, sizeGib }) => disk && disk.sizeBytes > sizeGib * GIB);
  if (!tooLarge?.disk) return undefined;
  return refused(
    `The ${tooLarge.what} of ${name} has ${tooLarge.disk.sizeBytes / GIB} GiB and cannot shrink to ${tooLarge.sizeGib}.`,
    `Write ${tooLarge.field}: ${Math.ceil(tooLarge.disk.sizeBytes / GIB)}, or make the machine anew.`,
  );
}

/** The wanted spec with every choice made; what only a new root disk may change stays as it was applied. */
function settle(
  wanted: WantedSpec,
  { root }: CurrentMachine,
  applied: Applied | undefined,
  { hasKvm, replace }: PlanOptions,
): MachineSpec {
  const detected = hasKvm ? 'kvm' : 'qemu';
  const domainType =
    wanted.domainType === 'auto' ? (applied?.spec.domainType ?? detected) : wanted.domainType;
  const keeps = applied !== undefined && root !== undefined && !replace;
  return { ...wanted, domainType, image: keeps ? kept(applied.spec.image, wanted.image) : wanted.image };
}

function kept(applied: Image, wanted: Image): Image {
  if (applied.file === wanted.file || !applied.kernel) return applied.file === wanted.file ? wanted : applied;
  const options = wanted.kernel?.options ?? applied.kernel.options;
  return { ...applied, kernel: { ...applied.kernel, options } };
}

function difference(
  spec: MachineSpec,
  current: CurrentMachine,
  { replace }: PlanOptions,
): Pick<MachinePlan, 'steps' | 'changes'> {
  const { domain, root, data, hasSeed, ready } = current;
  const { digest } = definitionOf(spec);
  const replaces = replace && root !== undefined;
  const running = domain !== undefined && domain.state !== 'off';
  const defined = domain
    ? definedDifferences(spec, digest, domain, parseApplied(domain.defined.metadata))
    : [];
  const restarts = domain?.live
    ? runningDifferences(spec, digest, domain.live, parseApplied(domain.live.metadata))
    : [];
  if (domain?.state === 'stopping') restarts.push({ words: 'it is shutting down' });
  const stops = running && (restarts.length > 0 || replaces || !root || !data);
  const starts = stops || !running;
  const isReady = ready === spec.instanceId && !replaces && root !== undefined;
  const effect: Effect = !domain ? 'create' : replaces ? 'replace' : stops ? 'restart' : 'in place';

  const list: Step[] = [];
  const add = (
    kind: Exclude<Step['kind'], 'grow-root' | 'grow-data'>,
    detail: string,
    what = effect,
  ): void => {
    list.push({ kind, effect: what, detail });
  };
  // libvirt holds a definition against its schema: what it refuses has touched nothing yet. A root disk that is there must
  // not be taken for one of the new image, whoever is killed in the middle.
  const definesFirst = !domain && !root;
  const define = (): void =>
    add('define', `${spec.vcpus} vCPU, ${spec.memoryMib} MiB, ${spec.mac}, ${spec.domainType}`);
  if (definesFirst) define();
  const writesSeed = !hasSeed || (!isReady && starts);
  if (writesSeed) {
    add('write-seed', hasSeed ? `the seed is ${spec.instanceId} now` : `a seed, ${spec.instanceId}`);
  }
  if (stops)
    add(
      'stop',
      [...inWords(restarts), ...(replaces ? ['its root disk is replaced'] : [])].join(', ') ||
        'a disk is missing',
    );
  if (replaces) add('remove-root', 'the old root disk; the data disk stays');
  if (!root || replaces) add('create-root', `root disk of ${spec.diskGib} GiB on ${spec.image.file}`);
  if (!data) add('create-data', `data disk of ${spec.dataGib} GiB`);
  list.push(...growSteps(spec, replaces ? { ...current, root: undefined } : current));
  if (!domain && !definesFirst) define();
  if (defined.length > 0) add('define', inWords(defined).join(', '));
  if (!domain?.autostart) add('autostart', 'start with the hypervisor', domain ? 'in place' : effect);
  const live = domain?.live;
  const balloon: Difference[] = [];
  if (!stops && live && live.currentMemoryKib < spec.memoryMib * 1024) {
    const [before, after] = [Math.floor(live.currentMemoryKib / 1024), spec.memoryMib];
    const words = `memory in use ${before} → ${after} MiB`;
    balloon.push({ words, change: { field: 'memory_mib', before, after, cause: 'outside' } });
    add('set-memory', words, 'in place');
  }
  if (starts) add('start', domain && !running ? 'it is off' : 'with the new definition');
  else if (domain?.state === 'paused') add('resume', 'it is paused', 'in place');
  if (!isReady || writesSeed) add('finish', 'take the host key out of the seed once the machine is up');
  return { steps: list, changes: changesOf(restarts, [...defined, ...balloon]) };
}

function inWords(differences: readonly Difference[]): string[] {
  return differences.map(({ words }) => words);
}

/** What a running machine lacks takes a restart, an image a new root disk; the rest is only written down. */
function changesOf(restarts: readonly Difference[], defined: readonly Difference[]): Change[] {
  const found = new Map<string, Change>();
  for (const { change } of [...restarts, ...defined]) {
    if (!change || found.has(change.field)) continue;
    const restarted = restarts.some((each) => each.change?.field === change.field);
    const effect = change.field === 'vm_image_file' ? 'replace' : restarted ? 'restart' : 'in place';
    found.set(change.field, { ...change, effect });
  }
  return [...found.values()];
}

function growSteps(spec: MachineSpec, { root, data }: CurrentMachine): Step[] {
  const grown: Step[] = [];
  const add = (kind: 'grow-root' | 'grow-data', disk: Disk | undefined, sizeGib: number): void => {
    if (!disk || disk.sizeBytes >= sizeGib * GIB) return;
    const detail = `${kind === 'grow-root' ? 'root' : 'data'} disk ${disk.sizeBytes / GIB} → ${sizeGib} GiB`;
    grown.push({ kind, effect: 'in place', detail, sizeGib });
  };
  add('grow-root', root, spec.diskGib);
  add('grow-data', data, spec.dataGib);
  return grown;
}
