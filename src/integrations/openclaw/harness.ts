import { messageOf, OlympusError } from '#core/errors.ts';
import type { FailureCode } from '#core/failures.ts';
import type { CommandGate, Harness, HarnessHealth, Turn, TurnOutcome, TurnProgress } from '#core/harness.ts';
import type { Clock } from '#lib/clock.ts';
import { DeadlineError, withDeadline } from '#lib/deadline.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { GatewayClient } from './client.ts';
import { CommandApprovals } from './command-approvals.ts';
import { AGENT_ID } from './config.ts';
import { GatewayCallError } from './connection.ts';
import { GatewayWatch } from './gateway-watch.ts';
import { runOverHttp } from './http-fallback.ts';
import { classify, usageSeen } from './outcome.ts';
import { TurnOverWebSocket } from './turn.ts';
import { untilStopped } from './until-stopped.ts';
import { warmUp } from './warm-up.ts';

export interface OpenclawHarnessOptions {
  /** The gateway's HTTP address on the loopback interface, for example `http://127.0.0.1:18789`. */
  readonly url: string;
  /** The gateway token: a full operator credential. */
  readonly token: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly agentId?: string;
  /** Who decides on commands, where the gateway is configured to ask; otherwise none waits for a decision. */
  readonly gate?: CommandGate | undefined;
  /** How long the warm-up turn may take; 0 means that there is none. */
  readonly warmUpTimeoutMs?: number;
  readonly probeEveryMs?: number;
  /** How long a turn cut off by a gateway crash may take to be taken up again by the gateway. */
  readonly resumeGraceMs?: number;
  /**
   * Ends the gateway with everything that runs in it, and starts it anew; rejects when that is not certain. With it, no turn
   * is told as stopped that may still be at work.
   */
  readonly restart?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** How long a turn may take to end when it was told, before the gateway is restarted. */
  readonly stopWithinMs?: number;
  readonly restartAgainMs?: number;
}

/** The harness as a part of the daemon; its one `health` serves both. */
export interface OpenclawHarness extends Omit<Part, 'health'>, Omit<Harness, 'health'> {
  health(): Health & HarnessHealth;
}

/** Drives the OpenClaw gateway on this machine. */
export function createOpenclawHarness(options: OpenclawHarnessOptions): OpenclawHarness {
  return new GatewayHarness(options);
}

/** Who is told of a turn, and how its gateway is restarted when the turn does not end. */
interface Ending {
  readonly onProgress: (progress: TurnProgress) => void;
  readonly restart: OpenclawHarnessOptions['restart'];
}

/** How long the clean-up after a deadline may take. */
const FAREWELL_MS = 5_000;
/** Connections that fail in a row, while HTTP answers, before a turn goes over HTTP. */
const REFUSALS_BEFORE_HTTP = 5;
const RESUME_GRACE_MS = 20_000;

/** A turn that this process waits for. */
interface LocalTurn {
  readonly cancel: AbortController;
  readonly ended: PromiseWithResolvers<void>;
}

class GatewayHarness implements OpenclawHarness {
  readonly name = 'openclaw';
  readonly #options: OpenclawHarnessOptions;
  readonly #log: Logger;
  readonly #client: GatewayClient;
  readonly #watch: GatewayWatch;
  readonly #approvals: CommandApprovals | undefined;
  /** The turns this process waits for, by run; aborting one ends its wait. */
  readonly #running = new Map<string, LocalTurn>();

  constructor(options: OpenclawHarnessOptions) {
    const { url, token, clock, gate, warmUpTimeoutMs = 300_000, probeEveryMs = 2_000 } = options;
    this.#options = options;
    this.#log = options.log;
    this.#client = new GatewayClient({ url, token, clock, log: this.#log, approves: gate !== undefined });
    this.#approvals = gate && new CommandApprovals({ client: this.#client, gate, clock, log: this.#log });
    this.#watch = new GatewayWatch({
      url,
      clock,
      log: this.#log,
      everyMs: probeEveryMs,
      warmUp: async (signal) => {
        await this.#approvals?.prepare(signal);
        if (warmUpTimeoutMs === 0) return true;
        // Nobody waits for its answer: that it does not end is no reason to restart the gateway.
        const ending = { onProgress: () => undefined, restart: undefined };
        const run = (turn: Turn, during: AbortSignal) => this.#run(turn, ending, during);
        return warmUp({ run, timeoutMs: warmUpTimeoutMs, nowMs: clock.now(), log: this.#log, signal });
      },
    });
  }

  async start(): Promise<void> {
    this.#watch.start();
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
    this.#client.close();
  }

  health(): Health & HarnessHealth {
    const health = this.#watch.health();
    const refusal = this.#client.refusal;
    if (!health.ready && refusal !== undefined && this.#watch.answers) {
      return { live: this.#watch.live, ready: false, reason: `the OpenClaw gateway refuses us: ${refusal}` };
    }
    return { live: this.#watch.live, ...health };
  }

  run(turn: Turn, onProgress: (progress: TurnProgress) => void, signal: AbortSignal): Promise<TurnOutcome> {
    return this.#run(turn, { onProgress, restart: this.#options.restart }, signal);
  }

  async #run(turn: Turn, ending: Ending, signal: AbortSignal): Promise<TurnOutcome> {
    signal.throwIfAborted();
    const { clock, resumeGraceMs = RESUME_GRACE_MS } = this.#options;
    const context = { clock, log: this.#log, resumeGraceMs, approvals: this.#approvals };
    const attempt = new TurnOverWebSocket(context, turn, this.#keyOf(turn.sessionKey), ending.onProgress);
    const unlisten = this.#client.onEvent((event) => attempt.watch.take(event));
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(new DeadlineError('the turn', turn.timeoutMs)),
      turn.timeoutMs,
    );
    const local = { cancel: new AbortController(), ended: Promise.withResolvers<void>() };
    this.#running.set(turn.runId, local);
    const cancelled = local.cancel.signal;
    try {
      const all = AbortSignal.any([signal, deadline.signal, cancelled]);
      return await this.#pursue(attempt, turn, all);
    } catch (error) {
      signal.throwIfAborted();
      if (cancelled.aborted) return await this.#stopTurn(attempt, ending, signal, deadline.signal);
      if (deadline.signal.aborted) return await this.#giveUpLate(attempt, turn, ending, signal);
      this.#log.error({ err: error, runId: turn.runId }, 'turn broke');
      const refused = error instanceof GatewayCallError && error.code === 'INVALID_REQUEST';
      const failure = refused ? 'invalid_input' : classify({ message: messageOf(error) });
      return { kind: 'failed', failure, message: messageOf(error), usage: usageSeen(attempt.watch) };
    } finally {
      clearTimeout(timer);
      unlisten();
      this.#running.delete(turn.runId);
      local.ended.resolve();
    }
  }

  async abort(runId: string, signal: AbortSignal): Promise<void> {
    const local = this.#running.get(runId);
    if (!local) return;
    local.cancel.abort();
    await withDeadline('the stop of the turn', 2 * FAREWELL_MS, signal, () => local.ended.promise);
  }

  /** Goes on through lost connections and restarts of the gateway until there is an outcome or `signal` aborts. */
  async #pursue(attempt: TurnOverWebSocket, turn: Turn, signal: AbortSignal): Promise<TurnOutcome> {
    const { url, token } = this.#options;
    let refusals = 0;
    let waiting = false;
    for (;;) {
      signal.throwIfAborted();
      try {
        if (refusals >= REFUSALS_BEFORE_HTTP) {
          this.#log.warn({ runId: turn.runId }, 'turn goes over HTTP');
          const onBegin = (): void => {
            attempt.watch.overHttp = true;
          };
          return await runOverHttp({ url, token, turn, key: this.#keyOf(turn.sessionKey), onBegin, signal });
        }
        const connection = await this.#client.connect(signal);
        waiting = false;
        return await attempt.run(connection, signal);
      } catch (error) {
        signal.throwIfAborted();
        // What went over HTTP has ended with its connection.
        attempt.watch.overHttp = false;
        if (!mayPass(error)) throw error;
        if (!waiting) {
          this.#log.warn({ runId: turn.runId, reason: messageOf(error) }, 'turn waits for the gateway');
          attempt.watch.lost();
        }
        waiting = true;
        refusals = this.#watch.answers && !this.#client.connected ? refusals + 1 : 0;
        await this.#client.pause(signal);
      }
    }
  }

  /** The deadline has passed: what stood in the way decides the class. */
  async #giveUpLate(
    attempt: TurnOverWebSocket,
    turn: Turn,
    ending: Ending,
    signal: AbortSignal,
  ): Promise<TurnOutcome> {
    const { complaint } = attempt.watch;
    const limit = `The turn did not end within ${turn.timeoutMs} ms`;
    if (!this.#client.connected && !attempt.watch.overHttp) {
      const message = `${limit}: the OpenClaw gateway is away.`;
      return { kind: 'failed', failure: 'gateway_unready', message, usage: usageSeen(attempt.watch) };
    }
    if (!complaint) return this.#giveUp(attempt, 'timeout_run', `${limit}.`, ending, signal);
    return this.#giveUp(
      attempt,
      classify(complaint),
      `${limit}; the model provider: ${complaint.message}`,
      ending,
      signal,
    );
  }

  /**
   * Stops a turn that is cancelled. A gateway that is away takes an interrupted turn up again when it is back, so nothing is
   * told as stopped before it has been asked, or the turn's own time is over.
   */
  async #stopTurn(
    attempt: TurnOverWebSocket,
    ending: Ending,
    signal: AbortSignal,
    deadline: AbortSignal,
  ): Promise<TurnOutcome> {
    const both = AbortSignal.any([signal, deadline]);
    // Where it may be restarted, one that is away for too long is.
    const waits = ending.restart === undefined && !attempt.watch.overHttp;
    while (waits && !both.aborted && !(await this.#answers(both))) await this.#client.pause(both);
    signal.throwIfAborted();
    return this.#giveUp(attempt, 'cancelled', 'The turn was aborted.', ending, signal);
  }

  async #answers(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#client.connect(signal);
      return true;
    } catch (error) {
      return !signal.aborted && !mayPass(error); // It does answer, with a refusal.
    }
  }

  /** Stops the turn in the gateway and tells what it used; an answer that came at the last moment counts. */
  async #giveUp(
    attempt: TurnOverWebSocket,
    failure: FailureCode,
    message: string,
    ending: Ending,
    signal: AbortSignal,
  ): Promise<TurnOutcome> {
    const { clock, stopWithinMs = 10_000, restartAgainMs = 30_000 } = this.#options;
    const { resumeGraceMs = RESUME_GRACE_MS } = this.#options;
    const { restart, onProgress } = ending;
    if (restart && !attempt.watch.overHttp) {
      const connect = (during: AbortSignal) => this.#client.connect(during);
      const limits = { stopWithinMs, restartAgainMs, resumeGraceMs };
      await untilStopped(attempt, { clock, connect, restart, ...limits, onProgress, log: this.#log }, signal);
    }
    const soon = AbortSignal.any([signal, AbortSignal.timeout(FAREWELL_MS)]);
    let usage = usageSeen(attempt.watch);
    // Over HTTP, hanging up has stopped it.
    if (attempt.watch.overHttp) return { kind: 'failed', failure, message, usage };
    try {
      const connection = await this.#client.connect(soon);
      await attempt.abort(connection, soon);
      const trace = await attempt.look(connection, soon);
      if (trace.kind === 'finished' && trace.outcome.kind === 'answered') return trace.outcome;
      if (trace.kind === 'finished') usage = trace.outcome.usage;
      if (trace.kind === 'interrupted') usage = trace.usage;
    } catch (error) {
      signal.throwIfAborted();
      this.#log.warn({ err: error }, 'turn could not be stopped in the gateway');
    }
    const modelCalls = Math.max(usage.modelCalls, attempt.watch.modelCalls);
    return { kind: 'failed', failure, message, usage: { ...usage, modelCalls } };
  }

  /** The gateway's own form of a session key. */
  #keyOf(sessionKey: string): string {
    return `agent:${this.#options.agentId ?? AGENT_ID}:${sessionKey}`;
  }
}

/** Whether waiting may help: the gateway is away, slow or draining, not refusing this very call. */
function mayPass(error: unknown): boolean {
  if (error instanceof OlympusError) return !error.terminal;
  if (error instanceof GatewayCallError) return error.code === 'UNAVAILABLE';
  return error instanceof DeadlineError;
}
