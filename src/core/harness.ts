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

/**
 * A proven sign of work: something the agent did, not merely that time passed; or, as `unheard` and `unstopped`, that
 * nothing is heard of it for now, and that it does not end.
 */
export interface TurnProgress {
  /** `tool`: a call has begun; `output`: it has written something; `step`: it has ended; `compacted`: the context was cut. */
  readonly kind:
    | 'started'
    | 'thinking'
    | 'tool'
    | 'output'
    | 'step'
    | 'text'
    | 'compacted'
    | 'unheard'
    | 'unstopped';
  /** For `tool`: its name. For `unstopped`, a turn that was to end and has not: why. */
  readonly detail?: string;
  /** For `step`. */
  readonly step?: ToolStep;
}

/** A tool call that has ended; two that have the same digests did the same and got the same. */
export interface ToolStep {
  readonly tool: string;
  /** Digest of its arguments. */
  readonly args: string;
  /** Digest of what came back. */
  readonly result: string;
  readonly failed: boolean;
  /** The beginning of its arguments, for the agent itself to read. */
  readonly shown: string;
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

/** A command that a turn wants to run, and that waits for a decision. */
export interface WantedCommand {
  /** Of this one wish: the same command wanted a second time is another. */
  readonly id: string;
  readonly turnId: string;
  readonly command: string;
  /** Where it is to run. */
  readonly cwd: string;
}

/** Who decides on commands. */
export interface CommandGate {
  /**
   * Whether it may run, this once; undefined where nothing is to be said, because its turn is being ended. Asked again for
   * the same wish, as after a crash, it says the same. It may take hours, and rejects when `signal` aborts.
   */
  decide(wanted: WantedCommand, signal: AbortSignal): Promise<boolean | undefined>;
  /** Nobody waits any more for what `decide` was asked: it was decided where it came from. */
  gone(wanted: WantedCommand): Promise<void>;
}

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
  /** Ends the turn of this run, which `run` then tells as cancelled, and not before it has ended. Harmless when `run` is not waiting for it. */
  abort(runId: string, signal: AbortSignal): Promise<void>;
}
