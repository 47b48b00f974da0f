import type { Domain, DomainFacts } from '#integrations/libvirt/hypervisor.ts';
import type { Applied, MachineSpec } from './machine-spec.ts';

/** How a field is called, and whether a running machine takes a change of it. */
const FIELDS = {
  mac: { label: 'MAC address', running: false },
  attach: { label: 'network', running: false },
  vcpus: { label: 'vCPUs', running: false },
  memoryMib: { label: 'memory', unit: ' MiB', running: false },
  diskGib: { label: 'root disk', unit: ' GiB', running: true },
  dataGib: { label: 'data disk', unit: ' GiB', running: true },
  domainType: { label: 'virtualisation', running: false },
  cpuModel: { label: 'CPU model', running: false },
  tcgTbSizeMib: { label: 'translation buffer', unit: ' MiB', running: false },
  diskCache: { label: 'disk cache', running: false },
  image: { label: 'image', running: false },
  instanceId: { label: 'seed', running: false },
} as const satisfies Partial<Record<keyof MachineSpec, { label: string; unit?: string; running: boolean }>>;

/** What the definition of the next start says otherwise, in words; what somebody else changed is said to be that. */
export function definedDifferences(
  spec: MachineSpec,
  digest: string,
  { defined, persistent }: Domain,
  applied: Applied | undefined,
): string[] {
  const changed = fieldDifferences(spec, applied, () => true);
  if (!persistent) changed.push('it has no definition that outlives it');
  if (applied && applied.definition !== digest && changed.length === 0) {
    changed.push('this release defines machines otherwise');
  }
  if (!applied) changed.push('it was applied by another release');
  return [...changed, ...drift(spec, defined, applied, 'defined')];
}

/** What only a restart brings to a running machine, in words. */
export function runningDifferences(
  spec: MachineSpec,
  digest: string,
  live: DomainFacts,
  applied: Applied | undefined,
): string[] {
  const changed = fieldDifferences(spec, applied, (field) => !FIELDS[field].running);
  if (applied && applied.definition !== digest && changed.length === 0) {
    changed.push('this release defines machines otherwise');
  }
  if (!applied) changed.push('it runs as another release defined it');
  return [...changed, ...drift(spec, live, applied, 'running')];
}

type Field = keyof typeof FIELDS;

function fieldDifferences(
  spec: MachineSpec,
  applied: Applied | undefined,
  counts: (field: Field) => boolean,
): string[] {
  if (!applied) return [];
  const fields = Object.keys(FIELDS).filter((name): name is Field => name in FIELDS);
  return fields.filter(counts).flatMap((field) => {
    const [before, after] = [shown(applied.spec[field]), shown(spec[field])];
    if (before === after) return [];
    // A new base shows in its name; with the same one, it is the kernel's options that changed.
    if (field === 'image' && applied.spec.image.file === spec.image.file) return ['kernel options'];
    const { label, ...rest } = FIELDS[field];
    return [`${label} ${before} → ${after}${'unit' in rest ? rest.unit : ''}`];
  });
}

/** What was changed behind our back: the domain differs from what was applied to it. */
function drift(
  spec: MachineSpec,
  facts: DomainFacts,
  applied: Applied | undefined,
  how: 'defined' | 'running',
): string[] {
  const expected = applied?.spec ?? spec;
  const found: string[] = [];
  const add = (label: string, is: number, should: number, unit: string, wanted: number): void => {
    if (is === should || is === wanted) return;
    found.push(`${label} is ${is}${unit} and not ${wanted} (changed outside of Olympus)`);
  };
  const mib = (kib: number): number => Math.round(kib / 1024);
  add('memory', mib(facts.memoryKib), expected.memoryMib, ' MiB', spec.memoryMib);
  // A running guest's balloon is set without a restart; see set-memory.
  if (how === 'defined' && facts.currentMemoryKib !== facts.memoryKib) {
    add('current memory', mib(facts.currentMemoryKib), expected.memoryMib, ' MiB', spec.memoryMib);
  }
  add('vCPUs', facts.vcpus, expected.vcpus, '', spec.vcpus);
  return found;
}

function shown(value: MachineSpec[Field]): string {
  if (value === undefined) return 'default';
  if (typeof value !== 'object') return String(value);
  return 'file' in value
    ? [value.file, value.kernel?.options].filter(Boolean).join(' ')
    : Object.values(value).join();
}
