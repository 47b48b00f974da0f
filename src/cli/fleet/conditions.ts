import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { writeIfChanged } from '#provision/files.ts';
import { domainsOf } from '../checks/hypervisors.ts';
import type { MachineReport } from './machine-report.ts';
import type { Answer } from './survey.ts';

/** The way of a machine to being of use, as far as it is seen from outside, in its order. */
const TYPES = ['defined', 'running', 'reachable', 'initialised', 'serving'] as const;
type ConditionType = (typeof TYPES)[number];

/** Whether something holds for a machine; `unknown` where nobody could be asked. */
interface Condition {
  readonly type: ConditionType;
  readonly status: 'true' | 'false' | 'unknown';
  /** When it was first seen to be so. */
  readonly since: string;
  /** Why it does not hold, or is not known. */
  readonly reason?: string;
}

/** `ready`, or the first condition that does not hold. */
type MachinePhase = 'ready' | `not ${ConditionType}` | 'unknown';

/** Where a machine stands. */
export interface Standing {
  readonly phase: MachinePhase;
  readonly conditions: readonly Condition[];
}

type Seen = Omit<Condition, 'type' | 'since'>;

const HOLDS: Seen = { status: 'true' };

/** What is seen of a machine now: what it answered, and what the hypervisors say of one that did not. */
export function seenOf(
  answer: Answer,
  report: MachineReport | undefined,
  hypervisors: readonly Answer[],
): Readonly<Record<ConditionType, Seen>> {
  if (!report || !answer.up) return seenFromOutside(answer, hypervisors);
  const down = report.units
    .filter(({ state }) => state !== 'active')
    .map(({ name, state }) => `${name} is ${state}`);
  const nothing = report.units.length === 0 ? ['nothing of Olympus is installed there'] : [];
  const reasons = [...nothing, ...down];
  const { cloudInit } = report;
  return {
    defined: HOLDS,
    running: HOLDS,
    reachable: HOLDS,
    initialised:
      cloudInit === 'done' || cloudInit === 'absent'
        ? HOLDS
        : {
            status: 'false',
            reason: cloudInit === 'running' ? 'cloud-init has not finished' : cloudInit.errors.join('; '),
          },
    serving: reasons.length === 0 ? HOLDS : { status: 'false', reason: reasons.join(', ') },
  };
}

function seenFromOutside(answer: Answer, hypervisors: readonly Answer[]): Record<ConditionType, Seen> {
  const what = answer.up ? 'it said nothing that can be read' : answer.what;
  const unknown: Seen = { status: 'unknown', reason: what };
  const unreachable: Seen = { status: 'false', reason: what };
  const rest = { reachable: unreachable, initialised: unknown, serving: unknown };
  const states = hypervisors.map(domainsOf);
  const found = states.flatMap((domains) => domains?.get(answer.host) ?? [])[0];
  if (found !== undefined) {
    const running: Seen = found === 'running' ? HOLDS : { status: 'false', reason: `it is ${found}` };
    return { defined: HOLDS, running, ...rest };
  }
  const isSilent = !answer.up && answer.silent;
  if (isSilent && states.length > 0 && states.every((domains) => domains !== undefined)) {
    const none: Seen = { status: 'false', reason: 'no hypervisor has it' };
    return { defined: none, running: none, reachable: none, initialised: none, serving: none };
  }
  const unasked: Seen = { status: 'unknown', reason: 'not every hypervisor could be asked' };
  return { defined: unasked, running: unasked, ...rest };
}

const Kept = z.record(
  z.string(),
  z.record(z.string(), z.object({ status: z.enum(['true', 'false', 'unknown']), since: z.iso.datetime() })),
);

/** The conditions of machines, each since when it was first seen so: what is seen now, beside what was kept in the state directory. */
export class Conditions {
  readonly #file: string;
  readonly #kept: z.output<typeof Kept>;

  constructor(stateDir: string) {
    this.#file = path.join(stateDir, 'conditions.json');
    this.#kept = read(this.#file);
  }

  /** Notes what is seen of a machine at `now` (Unix ms). */
  note(machine: string, seen: Readonly<Record<ConditionType, Seen>>, now: number): Standing {
    const before = this.#kept[machine] ?? {};
    const conditions = TYPES.map((type): Condition => {
      const known = before[type];
      const since = known?.status === seen[type].status ? known.since : new Date(now).toISOString();
      return { type, since, ...seen[type] };
    });
    this.#kept[machine] = Object.fromEntries(
      conditions.map(({ type, status, since }) => [type, { status, since }]),
    );
    const first = conditions.find(({ status }) => status !== 'true');
    const phase = !first ? 'ready' : first.status === 'unknown' ? 'unknown' : (`not ${first.type}` as const);
    return { phase, conditions };
  }

  /** Writes down what was noted. */
  keep(): void {
    writeIfChanged(this.#file, `${JSON.stringify(this.#kept, undefined, 2)}\n`, 0o600);
  }
}

/** What cannot be read is begun anew: all that is lost is since when. */
function read(file: string): z.output<typeof Kept> {
  if (!existsSync(file)) return {};
  try {
    return Kept.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}
