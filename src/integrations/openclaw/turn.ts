import type { Turn, TurnOutcome, TurnProgress } from '#core/harness.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/log.ts';
import type { GatewayClient } from './client.ts';
import { type Connection, GatewayCallError } from './connection.ts';
import { outcomeOfReply } from './outcome.ts';
import { AgentReply, History, WaitReply } from './protocol.ts';
import { attemptKey, type Trace, traceOf } from './recover.ts';
import { TurnWatch } from './turn-watch.ts';

export interface TurnContext {
  readonly client: GatewayClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a turn that the gateway may still take up again after a restart is waited for. */
  readonly resumeGraceMs: number;
}

/** What a gateway answers after a crash to the key of a turn it has begun to take up again. */
const KEY_SPENT = 'SESSION_WORK_START_CHANGED';
const CALL_TIMEOUT_MS = 15_000;
const WAIT_CHUNK_MS = 5_000;
const RESUME_POLL_MS = 250;

/**
 * One turn over one connection: looks first, starts only what left no trace, waits for what runs.
 * Rejects with `gateway_unavailable` when the connection is lost; called again it looks again.
 */
export class TurnOverWebSocket {
  readonly #context: TurnContext;
  readonly #turn: Turn;
  readonly #key: string;
  readonly watch: TurnWatch;
  /** Keys that the gateway has said it will not take again. */
  #refusedKeys = 0;

  constructor(context: TurnContext, turn: Turn, key: string, onProgress: (progress: TurnProgress) => void) {
    this.#context = context;
    this.#turn = turn;
    this.#key = key;
    this.watch = new TurnWatch(turn.runId, key, onProgress);
  }

  async run(connection: Connection, signal: AbortSignal): Promise<TurnOutcome> {
    const { clock, log, resumeGraceMs } = this.#context;
    let interruptedSince: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      const trace = await this.look(connection, signal);
      if (trace.kind === 'finished') return trace.outcome;
      if (trace.kind === 'none') {
        const outcome = await this.#ask(connection, 1, signal);
        if (outcome) return outcome;
      } else if (trace.kind === 'running') {
        interruptedSince = undefined;
        const outcome = await this.#wait(connection, signal);
        if (outcome) return outcome;
      } else {
        // Asking with the same key again would replay the reply of a gateway that still remembers it …
        const remembered = await this.#remembered(connection, signal);
        if (remembered) return remembered;
        interruptedSince ??= clock.now();
        const patienceMs = trace.mayResume ? resumeGraceMs : RESUME_POLL_MS;
        if (clock.now() - interruptedSince < patienceMs) {
          await clock.sleep(RESUME_POLL_MS, signal);
          continue;
        }
        // … and after a restart it fails: the message is in the history already. Hence another key.
        log.warn(
          { runId: this.#turn.runId },
          'turn was interrupted and not taken up again; running it again',
        );
        const outcome = await this.#ask(connection, trace.attempts + 1, signal);
        if (outcome) return outcome;
      }
    }
  }

  /** What the session's history says about this turn. */
  async look(connection: Connection, signal: AbortSignal): Promise<Trace> {
    const { sessionKey, runId } = this.#turn;
    const payload = await connection.call(
      'chat.history',
      { sessionKey: this.#key, limit: 200, maxChars: 500_000 },
      { timeoutMs: CALL_TIMEOUT_MS, signal },
    );
    return traceOf(History.parse(payload), runId, sessionKey);
  }

  /** Stops this turn, and no other of its session. */
  async abort(connection: Connection, signal: AbortSignal): Promise<void> {
    // A turn taken up after a restart runs under an id of the gateway's own.
    const scope = this.watch.resumed ? {} : { runId: this.#turn.runId };
    await connection.call(
      'sessions.abort',
      { key: this.#key, ...scope },
      { timeoutMs: CALL_TIMEOUT_MS, signal },
    );
  }

  /** Starts the turn and waits for its end; undefined when it runs already, or the session moved on: look again. */
  async #ask(connection: Connection, attempt: number, signal: AbortSignal): Promise<TurnOutcome | undefined> {
    const { text, context, runId, timeoutMs, sessionKey } = this.#turn;
    try {
      const payload = await connection.call(
        'agent',
        {
          message: text,
          sessionKey: this.#key,
          idempotencyKey: attemptKey(runId, attempt + this.#refusedKeys),
          ...(context === '' ? {} : { extraSystemPrompt: context }),
          deliver: false,
          // Longer than ours: it only ends turns that nobody waits for any more.
          timeout: Math.ceil(timeoutMs / 1000) + 30,
        },
        { timeoutMs: timeoutMs + 60_000, signal, final: true },
      );
      const reply = AgentReply.parse(payload);
      if (reply.status === 'in_flight') return await this.#wait(connection, signal);
      return outcomeOfReply(reply, sessionKey, this.watch);
    } catch (error) {
      const reply = refusedReply(error);
      if (reply) return outcomeOfReply(reply, sessionKey, this.watch);
      if (error instanceof GatewayCallError && `${error.code} ${error.message}`.includes(KEY_SPENT)) {
        this.#refusedKeys += 1;
        return undefined;
      }
      throw error;
    }
  }

  /** Waits for a run that was started before; undefined when there is reason to look again. */
  async #wait(connection: Connection, signal: AbortSignal): Promise<TurnOutcome | undefined> {
    const done = await this.#hasEnded(connection, WAIT_CHUNK_MS, signal);
    if (done) return this.#remembered(connection, signal);
    this.watch.resumed = true;
    return undefined;
  }

  /** The stored reply of a run that this gateway process has seen to its end. */
  async #remembered(connection: Connection, signal: AbortSignal): Promise<TurnOutcome | undefined> {
    if (!(await this.#hasEnded(connection, 0, signal))) return undefined;
    return this.#ask(connection, 1, signal);
  }

  async #hasEnded(connection: Connection, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const payload = await connection.call(
      'agent.wait',
      { runId: this.#turn.runId, timeoutMs },
      { timeoutMs: timeoutMs + CALL_TIMEOUT_MS, signal },
    );
    const { status, endedAt, stopReason } = WaitReply.parse(payload);
    return (
      (status !== 'timeout' && status !== 'pending') || endedAt !== undefined || stopReason !== undefined
    );
  }
}

/** A turn that failed at the provider is answered `ok: false` with the reply as payload. */
function refusedReply(error: unknown): AgentReply | undefined {
  if (!(error instanceof GatewayCallError)) return undefined;
  const parsed = AgentReply.safeParse(error.payload);
  return parsed.success ? parsed.data : undefined;
}
