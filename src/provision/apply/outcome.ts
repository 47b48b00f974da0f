import { HypervisorError } from '#integrations/libvirt/hypervisor.ts';
import type { Change, Step } from '../machine/step.ts';
import { NotReady } from '../ready/not-ready.ts';

/** What became of one machine. */
export interface Outcome {
  readonly machine: string;
  readonly host: string;
  /** What was to be done; with a failure, not all of it was. */
  readonly steps: readonly Step[];
  /** The fields that become others by that. */
  readonly changes: readonly Change[];
  readonly notes: readonly string[];
  readonly failure?: Failure;
}

/** Why a machine is not as it should be. */
export interface Failure {
  /** Sentences: machine, phase, cause. */
  readonly message: string;
  readonly remedy: string;
  /** The last lines of its console, when it was on its way up. */
  readonly console: readonly string[];
}

/** What an error has to say about a machine. */
export function failureOf(machine: string, doing: string, error: unknown): Failure {
  if (error instanceof NotReady) {
    return {
      message: error.message,
      remedy:
        'Its console says more; once the cause is mended, run the same again: it goes on where it stopped.',
      console: error.console,
    };
  }
  const cause = error instanceof Error ? error.message : String(error);
  const message = `${machine}, ${doing}: ${cause.replace(/[.]?$/, '.')}`;
  const remedy =
    error instanceof HypervisorError ? error.remedy : 'Run the same again: it goes on where it stopped.';
  return { message, remedy, console: [] };
}
