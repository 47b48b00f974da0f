/** The way of a machine from its definition to being of use, in its order. */
export const PHASES = ['defined', 'running', 'address', 'ssh', 'cloud-init'] as const;
export type Phase = (typeof PHASES)[number];

/** A machine that did not come up: where it stopped, why, and what it last wrote to its console. */
export class NotReady extends Error {
  readonly machine: string;
  readonly phase: Phase;
  readonly console: readonly string[];

  constructor(machine: string, phase: Phase, cause: string, console: readonly string[]) {
    super(`${machine} did not come up: it stopped at the phase ${phase}: ${cause}.`);
    this.name = 'NotReady';
    this.machine = machine;
    this.phase = phase;
    this.console = console;
  }
}
