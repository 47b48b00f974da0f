import type { Turn, TurnOutcome, TurnProgress } from '#core/harness.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/log.ts';
import type { CommandApprovals } from './command-approvals.ts';
import { type Connection, GatewayCallError } from './connection.ts';
import { traceInHistory } from './history.ts';
import { outcomeOfReply } from './outcome.ts';
import { AgentReply, FullMessage, historyText, WaitReply } from './protocol.ts';
import { attemptKey, type Settling, type Trace } from './recover.ts';
import { TurnWatch } from './turn-watch.ts';

export interface TurnContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a turn that the gateway may still take up again after a restart is waited for. */
  readonly resumeGraceMs: number;
  /** Where commands need a decision. */
  readonly approvals?: CommandApprovals | undefined;
}

/**
 * What a gateway answers after a crash, for ever, to the key of a turn that it has accepted before, or that
 * came while it was taking up the turn before it in the session.
 */
const KEY_SPENT = /SESSION_WORK_START_CHANGED|Pending input ownership ended/;
const CALL_TIMEOUT_MS = 30_000;
const WAIT_CHUNK_MS = 5_000;
const POLL_MS = 250;
/** What a session gets to settle after it has refused a key. */
const SETTLE_MS = 1_000;

/**
 * One turn over the WebSocket: looks first, starts only what left no trace, waits for what runs.
 * `run` rejects with `gateway_unavailable` when the connection is lost; called again it looks again.
 */
export class TurnOverWebSocket {
  readonly #context: TurnContext;
  readonly #turn: Turn;
  readonly #key: string;
  readonly watch: TurnWatch;
  /** Whether the turn looked interrupted the last time too. */
  #seenInterrupted = false;
  /** Keys that the gateway has said it will not take again. */
  #refusedKeys = 0;
  #settlingSince: number | undefined;

  constructor(context: TurnContext, turn: Turn, key: string, onProgress: (progress: TurnProgress) => void) {
    this.#context = context;
    this.#turn = turn;
    this.#key = key;
    this.watch = new TurnWatch(turn.runId, key, onProgress);
  }

  async run(connection: Connection, signal: AbortSignal): Promise<TurnOutcome> {
    const { watch } = this;
    const unfollow = this.#context.approvals?.follow(connection, {
      turnId: this.#turn.runId,
      concerns: (of) => watch.concerns(of),
    });
    try {
      for (;;) {
        signal.throwIfAborted();
        const outcome = await this.#step(await this.look(connection, signal), connection, signal);
        if (outcome) return outcome;
        await this.#context.clock.sleep(POLL_MS, signal);
      }
    } finally {
      await unfollow?.();
    }
  }

  /** What the session's history says about this turn. */
  async look(connection: Connection, signal: AbortSignal): Promise<Trace> {
    const { sessionKey, runId } = this.#turn;
    const options = { timeoutMs: CALL_TIMEOUT_MS, signal };
    const trace = await traceInHistory(connection, { key: this.#key, runId, sessionKey }, options);
    this.watch.resumed = trace.kind === 'running' && trace.resumed;
    if (trace.kind !== 'finished' || trace.truncatedId === undefined) return trace;
    if (trace.outcome.kind !== 'answered') return trace;
    // History cuts a text at 8,000 characters.
    const params = { sessionKey: this.#key, messageId: trace.truncatedId, maxChars: 2_000_000 };
    const full = FullMessage.parse(await connection.call('chat.message.get', params, options));
    return { ...trace, outcome: { ...trace.outcome, text: historyText(full.message).trim() } };
  }

  /** Stops this turn, and no other of its session. */
  async abort(connection: Connection, signal: AbortSignal): Promise<void> {
    const trace = await this.look(connection, signal);
    const runId = trace.kind === 'running' ? trace.gatewayRunId : this.#turn.runId;
    const params = { key: this.#key, runId };
    await connection.call('sessions.abort', params, { timeoutMs: CALL_TIMEOUT_MS, signal });
  }

  /** Acts on what was seen; undefined means: look again. */
  async #step(trace: Trace, connection: Connection, signal: AbortSignal): Promise<TurnOutcome | undefined> {
    const { runId } = this.#turn;
    if (trace.kind !== 'interrupted') this.#seenInterrupted = false;
    switch (trace.kind) {
      case 'none':
        if (this.#mustWait(trace.settling)) return undefined;
        return this.#ask(connection, attemptKey(runId, 1 + this.#refusedKeys), signal);
      case 'running':
        this.watch.begun = true;
        return this.#wait(connection, trace.gatewayRunId, trace.resumed, signal);
      case 'interrupted':
        return this.#again(connection, trace, signal);
      case 'finished': {
        // The reply a gateway still remembers says more about a failure than history does.
        const { outcome, gatewayRunId } = trace;
        if (outcome.kind === 'answered') return outcome;
        return (await this.#remembered(connection, gatewayRunId, signal)) ?? outcome;
      }
    }
  }

  /** Starts the turn and waits for its end, or replays the end the gateway remembers. */
  async #ask(connection: Connection, key: string, signal: AbortSignal): Promise<TurnOutcome | undefined> {
    const { text, context, timeoutMs } = this.#turn;
    this.watch.begun = true;
    try {
      const payload = await connection.call(
        'agent',
        {
          message: text,
          sessionKey: this.#key,
          idempotencyKey: key,
          ...(context === '' ? {} : { extraSystemPrompt: context }),
          deliver: false,
          // Longer than ours: it only ends turns that nobody waits for any more.
          timeout: Math.ceil(timeoutMs / 1000) + 30,
        },
        { timeoutMs: timeoutMs + 60_000, signal, final: true },
      );
      return await this.#outcomeOf(AgentReply.parse(payload), signal);
    } catch (error) {
      if (!(error instanceof GatewayCallError)) throw error;
      if (KEY_SPENT.test(error.message)) return this.#takeNextKey(signal);
      // A turn that failed at the provider is answered `ok: false` with the reply as payload.
      const reply = AgentReply.safeParse(error.payload);
      if (!reply.success) throw error;
      return this.#outcomeOf(reply.data, signal);
    }
  }

  async #outcomeOf(reply: AgentReply, signal: AbortSignal): Promise<TurnOutcome | undefined> {
    if (reply.status === 'in_flight') return undefined;
    if (reply.status === 'error' && KEY_SPENT.test(reply.summary ?? '')) return this.#takeNextKey(signal);
    return outcomeOfReply(reply, this.#turn.sessionKey, this.watch);
  }

  /** Looks again after a moment, and asks with another key if it must. */
  async #takeNextKey(signal: AbortSignal): Promise<undefined> {
    this.#refusedKeys += 1;
    await this.#context.clock.sleep(SETTLE_MS, signal);
  }

  async #wait(
    connection: Connection,
    gatewayRunId: string,
    resumed: boolean,
    signal: AbortSignal,
  ): Promise<TurnOutcome | undefined> {
    const ended = await this.#hasEnded(connection, gatewayRunId, WAIT_CHUNK_MS, signal);
    return ended && !resumed ? this.#ask(connection, gatewayRunId, signal) : undefined;
  }

  /** Runs a turn again that the gateway has let go of; gives it time to take it up by itself first. */
  async #again(
    connection: Connection,
    trace: Extract<Trace, { kind: 'interrupted' }>,
    signal: AbortSignal,
  ): Promise<TurnOutcome | undefined> {
    const { runId } = this.#turn;
    const remembered = await this.#remembered(connection, trace.gatewayRunId, signal);
    if (remembered) return remembered;
    if (this.#mustWait(trace.settling)) return undefined;
    if (!this.#seenInterrupted) {
      // For some 40 ms after its end a run is neither active nor in the history, and looks the same.
      this.#seenInterrupted = true;
      await this.#context.clock.sleep(SETTLE_MS, signal);
      return undefined;
    }
    this.#context.log.warn({ runId }, 'turn was interrupted and not taken up again; running it once more');
    // With the key it had, it fails: its message is in the history already.
    return this.#ask(connection, attemptKey(runId, trace.attempts + 1 + this.#refusedKeys), signal);
  }

  /** Whether to leave the session alone for now, because the gateway is, or may be, taking up a turn in it. */
  #mustWait(settling: Settling): boolean {
    const { clock, resumeGraceMs } = this.#context;
    if (settling !== 'soon') this.#settlingSince = undefined;
    if (settling !== 'soon') return settling === 'active';
    this.#settlingSince ??= clock.now();
    return clock.now() - this.#settlingSince < resumeGraceMs;
  }

  /** The stored reply of a run that this gateway process has seen to its end. */
  async #remembered(
    connection: Connection,
    gatewayRunId: string,
    signal: AbortSignal,
  ): Promise<TurnOutcome | undefined> {
    const ended = await this.#hasEnded(connection, gatewayRunId, 0, signal);
    return ended ? this.#ask(connection, gatewayRunId, signal) : undefined;
  }

  async #hasEnded(
    connection: Connection,
    gatewayRunId: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const payload = await connection.call(
      'agent.wait',
      { runId: gatewayRunId, timeoutMs },
      { timeoutMs: timeoutMs + CALL_TIMEOUT_MS, signal },
    );
    const { status, endedAt, stopReason } = WaitReply.parse(payload);
    return (
      (status !== 'timeout' && status !== 'pending') || endedAt !== undefined || stopReason !== undefined
    );
  }
}
