import type { Domain, DomainFacts } from '#integrations/libvirt/hypervisor.ts';
import type { Applied, MachineSpec } from './machine-spec.ts';
import type { Change } from './step.ts';

/** How a field is called in the inventory and in words, and whether a running machine takes a change of it. */
const FIELDS = {
  mac: { name: 'mac', label: 'MAC address', running: false },
  attach: { name: 'network', label: 'network', running: false },
  vcpus: { name: 'vcpus', label: 'vCPUs', running: false },
  memoryMib: { name: 'memory_mib', label: 'memory', unit: ' MiB', running: false },
  diskGib: { name: 'disk_gib', label: 'root disk', unit: ' GiB', running: true },
  dataGib: { name: 'data_gib', label: 'data disk', unit: ' GiB', running: true },
  domainType: { name: 'vm_domain_type', label: 'virtualisation', running: false },
  cpuModel: { name: 'vm_cpu_model', label: 'CPU model', running: false },
  tcgTbSizeMib: { name: 'vm_tcg_tb_size_mib', label: 'translation buffer', unit: ' MiB', running: false },
  diskCache: { name: 'vm_disk_cache', label: 'disk cache', running: false },
  image: { name: 'vm_image_file', label: 'image', running: false },
  instanceId: { name: 'seed', label: 'seed', running: false },
} as const satisfies Partial<
  Record<keyof MachineSpec, { name: string; label: string; unit?: string; running: boolean }>
>;
type Field = keyof typeof FIELDS;

/** Something that is otherwise than it should be; one of a field says which, and from what to what. */
export interface Difference {
  readonly words: string;
  readonly change?: Omit<Change, 'effect'>;
}

/** What the definition of the next start says otherwise; what somebody else changed is said to be that. */
export function definedDifferences(
  spec: MachineSpec,
  digest: string,
  { defined, persistent }: Domain,
  applied: Applied | undefined,
): Difference[] {
  const changed = fieldDifferences(spec, applied, () => true);
  if (!persistent) changed.push({ words: 'it has no definition that outlives it' });
  if (applied && applied.definition !== digest && changed.length === 0) {
    changed.push({ words: 'this release defines machines otherwise' });
  }
  if (!applied) changed.push({ words: 'it was applied by another release' });
  return [...changed, ...drift(spec, defined, applied, 'defined')];
}

/** What only a restart brings to a running machine. */
export function runningDifferences(
  spec: MachineSpec,
  digest: string,
  live: DomainFacts,
  applied: Applied | undefined,
): Difference[] {
  const changed = fieldDifferences(spec, applied, (field) => !FIELDS[field].running);
  if (applied && applied.definition !== digest && changed.length === 0) {
    changed.push({ words: 'this release defines machines otherwise' });
  }
  if (!applied) changed.push({ words: 'it runs as another release defined it' });
  return [...changed, ...drift(spec, live, applied, 'running')];
}

function fieldDifferences(
  spec: MachineSpec,
  applied: Applied | undefined,
  counts: (field: Field) => boolean,
): Difference[] {
  if (!applied) return [];
  const fields = Object.keys(FIELDS).filter((name): name is Field => name in FIELDS);
  return fields.filter(counts).flatMap<Difference>((field) => {
    const [before, after] = [shown(applied.spec[field]), shown(spec[field])];
    if (before === after) return [];
    // A new base shows in its name; with the same one, it is the kernel's options that changed.
    if (field === 'image' && applied.spec.image.file === spec.image.file) {
      const change = { field: 'kernel_options', before, after, cause: 'wanted' } as const;
      return [{ words: 'kernel options', change }];
    }
    const { name, label, ...rest } = FIELDS[field];
    const words = `${label} ${before} → ${after}${'unit' in rest ? rest.unit : ''}`;
    return [{ words, change: { field: name, before, after, cause: 'wanted' } }];
  });
}

/** What was changed behind our back: the domain differs from what was applied to it. */
function drift(
  spec: MachineSpec,
  facts: DomainFacts,
  applied: Applied | undefined,
  how: 'defined' | 'running',
): Difference[] {
  const expected = applied?.spec ?? spec;
  const found: Difference[] = [];
  const add = (field: 'memoryMib' | 'vcpus', is: number, what: string = FIELDS[field].label): void => {
    if (is === expected[field] || is === spec[field]) return;
    const { name, ...rest } = FIELDS[field];
    const unit = 'unit' in rest ? rest.unit : '';
    found.push({
      words: `${what} is ${is}${unit} and not ${spec[field]} (changed outside of Olympus)`,
      change: { field: name, before: is, after: spec[field], cause: 'outside' },
    });
  };
  const mib = (kib: number): number => Math.round(kib / 1024);
  add('memoryMib', mib(facts.memoryKib));
  // A running guest's balloon is set without a restart; see set-memory.
  if (how === 'defined' && facts.currentMemoryKib !== facts.memoryKib) {
    add('memoryMib', mib(facts.currentMemoryKib), 'current memory');
  }
  add('vcpus', facts.vcpus);
  return found;
}

function shown(value: MachineSpec[Field]): string | number {
  if (value === undefined) return 'default';
  if (typeof value !== 'object') return value;
  return 'file' in value
    ? [value.file, value.kernel?.options].filter(Boolean).join(' ')
    : Object.values(value).join();
}
