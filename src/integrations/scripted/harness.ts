import { messageOf, OlympusError } from '#core/errors.ts';
import type { Harness, HarnessHealth, Turn, TurnOutcome, TurnProgress } from '#core/harness.ts';
import { noUsage } from '#core/usage.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import { ScriptedTurn } from './protocol.ts';

export interface ScriptedHarnessOptions {
  /** Where the script listens, for example `http://127.0.0.1:18790`. */
  readonly url: string;
  readonly log: Logger;
  readonly clock: Clock;
}

/** The harness as a part of the daemon; its one `health` serves both. */
export interface ScriptedHarness extends Omit<Part, 'health'>, Omit<Harness, 'health'> {
  health(): Health & HarnessHealth;
}

/** Drives a script that stands in for the gateway: no model is asked, everything else goes its way. */
export function createScriptedHarness(options: ScriptedHarnessOptions): ScriptedHarness {
  return new HarnessOverHttp(options);
}

const PROBE_MS = 500;
const CALL_TIMEOUT_MS = 5_000;
/** How long the script may keep a question about a turn that has nothing new to tell. */
const POLL_MS = 2_000;
const RETRY_MS = 200;

class HarnessOverHttp implements ScriptedHarness {
  readonly name = 'scripted';
  readonly #options: ScriptedHarnessOptions;
  readonly #probe: Loop;
  #trouble: string | undefined = 'the scripted harness was not asked yet';

  constructor(options: ScriptedHarnessOptions) {
    this.#options = options;
    this.#probe = new Loop({
      clock: options.clock,
      round: async (signal) => {
        await this.#call('GET', '/readyz', signal);
        this.#trouble = undefined;
        return PROBE_MS;
      },
      onError: (error) => {
        this.#trouble = messageOf(error);
      },
      backoff: { baseMs: PROBE_MS, capMs: PROBE_MS },
    });
  }

  async start(): Promise<void> {
    this.#probe.start();
  }

  async stop(): Promise<void> {
    await this.#probe.stop();
  }

  health(): Health & HarnessHealth {
    const { live } = this.#probe;
    return this.#trouble === undefined
      ? { live, ready: true }
      : { live, ready: false, reason: this.#trouble };
  }

  /** Asking is harmless as often as it is done: the script keeps turns by run, and starts one once. */
  async run(
    turn: Turn,
    onProgress: (progress: TurnProgress) => void,
    signal: AbortSignal,
  ): Promise<TurnOutcome> {
    const { clock } = this.#options;
    const endsAt = clock.now() + turn.timeoutMs;
    let asked = false;
    let seen = 0;
    while (clock.now() < endsAt) {
      signal.throwIfAborted();
      try {
        const { tools, state }: ScriptedTurn = asked
          ? await this.#turn('GET', `/turns/${turn.runId}?seen=${seen}&waitMs=${POLL_MS}`, signal)
          : await this.#turn('POST', '/turns', signal, turn);
        if (!asked) onProgress({ kind: 'started' });
        asked = true;
        for (const detail of tools.slice(seen)) onProgress({ kind: 'tool', detail });
        seen = tools.length;
        if (state.kind !== 'running') return outcomeOf(state, turn);
      } catch (error) {
        signal.throwIfAborted();
        asked = false; // A script that came back may not know the turn any more.
        this.#options.log.warn({ runId: turn.runId, reason: messageOf(error) }, 'turn waits for the script');
        await clock.sleep(RETRY_MS, signal);
      }
    }
    return this.#giveUp(turn, asked, signal);
  }

  async abort(runId: string, signal: AbortSignal): Promise<void> {
    await this.#call('POST', `/turns/${runId}/abort`, signal);
  }

  /** The turn's time is over: it is stopped where that is possible; an answer of the last moment counts. */
  async #giveUp(turn: Turn, asked: boolean, signal: AbortSignal): Promise<TurnOutcome> {
    const message = `The turn did not end within ${turn.timeoutMs} ms.`;
    const usage = noUsage;
    if (!asked) return { kind: 'failed', failure: 'gateway_unready', message, usage };
    try {
      await this.abort(turn.runId, signal);
      const { state } = await this.#turn('GET', `/turns/${turn.runId}?seen=0&waitMs=0`, signal);
      if (state.kind === 'answered') return outcomeOf(state, turn);
    } catch (error) {
      signal.throwIfAborted();
      this.#options.log.warn({ err: error, runId: turn.runId }, 'turn could not be stopped');
    }
    return { kind: 'failed', failure: 'timeout_run', message, usage };
  }

  async #turn(
    method: 'GET' | 'POST',
    route: string,
    signal: AbortSignal,
    body?: object,
  ): Promise<ScriptedTurn> {
    return ScriptedTurn.parse(await this.#call(method, route, signal, body));
  }

  async #call(method: 'GET' | 'POST', route: string, signal: AbortSignal, body?: object): Promise<unknown> {
    const response = await fetch(`${this.#options.url}${route}`, {
      method,
      ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
      signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    throw new OlympusError(
      'gateway_unavailable',
      `the scripted harness answered ${response.status} to ${method} ${route}: ${text.slice(0, 200)}`,
    );
  }
}

function outcomeOf(state: Exclude<ScriptedTurn['state'], { kind: 'running' }>, turn: Turn): TurnOutcome {
  if (state.kind === 'answered') {
    return { kind: 'answered', text: state.text, usage: noUsage, sessionKey: turn.sessionKey };
  }
  return { kind: 'failed', failure: state.failure, message: state.message, usage: noUsage };
}
