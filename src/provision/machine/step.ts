import type { MachineSpec } from './machine-spec.ts';

/** What a step means for who uses the machine. */
export type Effect = 'create' | 'in place' | 'restart' | 'replace';

interface StepOf<Kind extends string> {
  readonly kind: Kind;
  readonly effect: Effect;
  /** What changes, in words: `memory 3072 → 4096 MiB`. */
  readonly detail: string;
}

/** One thing to do to a machine. Each may be done twice: who was killed in the middle starts again. */
export type Step =
  | StepOf<'create-root' | 'create-data' | 'remove-root'>
  | (StepOf<'grow-root' | 'grow-data'> & { readonly sizeGib: number })
  | StepOf<'write-seed' | 'define' | 'autostart' | 'set-memory' | 'stop' | 'start' | 'resume' | 'finish'>;

/** A field of a machine that becomes another one. */
export interface Change {
  /** As the inventory calls it; the seed and the kernel's options are made from several of its fields. */
  readonly field: string;
  readonly before: string | number;
  readonly after: string | number;
  /** Whether something else is wanted than was applied, or somebody changed it on the hypervisor behind our back. */
  readonly cause: 'wanted' | 'outside';
  /** What it takes for the machine to have it. */
  readonly effect: Exclude<Effect, 'create'>;
}

/** How to bring one machine to what is wanted. */
export interface MachinePlan {
  readonly kind: 'plan';
  /** What the machine will be, every choice made. */
  readonly spec: MachineSpec;
  /** In the order in which they are done; none when everything is as it should be. */
  readonly steps: readonly Step[];
  /** Which fields that changes, each once; none where the machine is made. */
  readonly changes: readonly Change[];
  /** What the person should know and nothing is done about. */
  readonly notes: readonly string[];
}

/** Why nothing is done: a person has to decide. */
export interface Refusal {
  readonly kind: 'refused';
  readonly reason: string;
  readonly remedy: string;
}
