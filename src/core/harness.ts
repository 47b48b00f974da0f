import type { FailureCode } from './failures.ts';
import type { Usage } from './usage.ts';

/** One turn of an agent: what the daemon asks of the harness. */
export interface Turn {
  /** The fencing id of the run; the harness uses it as idempotency key, so that asking twice runs once. */
  readonly runId: string;
  /** Where the history of the conversation lives, for example `olympus:conv:<id>`. */
  readonly sessionKey: string;
  readonly text: string;
  /** Put before the agent's own system prompt text for this turn only. */
  readonly context: string;
  /** Start-to-close limit in milliseconds; the turn is aborted in the gateway when it passes. */
  readonly timeoutMs: number;
}

/** A proven sign of work: something the agent did, not merely that time passed. */
export interface TurnProgress {
  readonly kind: 'started' | 'thinking' | 'tool' | 'text';
  /** For `tool`: its name. */
  readonly detail?: string;
}

export type TurnOutcome =
  | { readonly kind: 'answered'; readonly text: string; readonly usage: Usage; readonly sessionKey: string }
  | {
      readonly kind: 'failed';
      readonly failure: FailureCode;
      /** The evidence: what the gateway or provider said. */
      readonly message: string;
      readonly usage: Usage;
    };

export type HarnessHealth = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/**
 * What runs the model. `run` promises:
 * - it resolves with an outcome in finite time (its own deadline), whatever the gateway does;
 * - asked again for a runId that was started before (even by an earlier process, even before a gateway crash),
 *   it looks first: a finished turn's outcome is returned, a running one is waited for, only a turn that
 *   left no trace is started;
 * - it rejects only when `signal` aborts (the process is stopping): the turn then goes on in the gateway.
 */
export interface Harness {
  health(): HarnessHealth;
  run(turn: Turn, onProgress: (progress: TurnProgress) => void, signal: AbortSignal): Promise<TurnOutcome>;
  /** Ends the turn of this run, which `run` then tells as cancelled. Harmless when `run` is not waiting for it. */
  abort(runId: string, signal: AbortSignal): Promise<void>;
}
