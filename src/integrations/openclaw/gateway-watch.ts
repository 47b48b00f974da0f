import { z } from 'zod';
import type { HarnessHealth } from '#core/harness.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';

export interface GatewayWatchOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly everyMs: number;
  /** Readies a gateway that has just come up. Resolves to whether it is good to use. */
  readonly warmUp: (signal: AbortSignal) => Promise<boolean>;
}

const Readiness = z.object({
  ready: z.boolean(),
  failing: z.array(z.string()).catch([]),
  uptimeMs: z.number().optional().catch(undefined),
});

/** Generous: a gateway at work under emulation does not answer for seconds. */
const PROBE_TIMEOUT_MS = 15_000;
/** A pause is this many times as long as the probe before it took, within limits. */
const PROBE_SHARE = 4;
const LONGEST_PAUSE_MS = 5_000;
/** What two clocks may differ by, and nothing that a restart could hide in. */
const CLOCK_SLACK_MS = 1_000;
/** Between two warm-ups when the first shows that the gateway cannot be used. */
const WARM_UP_AGAIN_MS = 10_000;

/**
 * Watches `GET /readyz`. A gateway counts as ready once it says so and has been warmed up; it has to be warmed
 * up again after every restart, which shows in its uptime (a missed probe does not prove one).
 */
export class GatewayWatch {
  readonly #options: GatewayWatchOptions;
  readonly #loop: Loop;
  readonly #stopping = new AbortController();
  #warm = false;
  #warming: Promise<void> | undefined;
  /** The gateway of now started before this moment. */
  #startedBefore = Number.POSITIVE_INFINITY;
  #restarts = 0;
  #trouble: string | undefined = 'the OpenClaw gateway was not asked yet';

  constructor(options: GatewayWatchOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#loop = new Loop({
      clock,
      round: (signal) => this.#round(signal),
      onError: (error) => log.error({ err: error }, 'gateway probe failed'),
    });
  }

  /** Whether the gateway's HTTP side said at the last probe that it is ready. */
  get answers(): boolean {
    return this.#trouble === undefined;
  }

  get live(): boolean {
    return this.#loop.live;
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop.stop();
    await this.#warming;
  }

  health(): HarnessHealth {
    if (this.#trouble !== undefined) return { ready: false, reason: this.#trouble };
    if (!this.#warm) return { ready: false, reason: 'the OpenClaw gateway is warming up' };
    return { ready: true };
  }

  async #round(signal: AbortSignal): Promise<number> {
    const { everyMs, clock } = this.#options;
    const askedAt = clock.now();
    const trouble = await this.#probe(signal);
    const tookMs = clock.now() - askedAt;
    if (trouble !== this.#trouble) {
      this.#options.log.info({ reason: trouble }, trouble ? 'gateway is not ready' : 'gateway is ready');
    }
    this.#trouble = trouble;
    // A gateway that starts on a starved machine answers slowly, and asking it slows it down further.
    if (trouble !== undefined)
      return Math.max(Math.min(everyMs, 1_000), Math.min(PROBE_SHARE * tookMs, LONGEST_PAUSE_MS));
    if (!this.#warm) this.#warming ??= this.#warmUp();
    return everyMs;
  }

  async #warmUp(): Promise<void> {
    const { warmUp, log, clock } = this.#options;
    const restarts = this.#restarts;
    try {
      const good = await warmUp(this.#stopping.signal);
      this.#warm = good && this.#restarts === restarts;
      if (!good) await clock.sleep(WARM_UP_AGAIN_MS, this.#stopping.signal);
    } catch (error) {
      if (!this.#stopping.signal.aborted) log.error({ err: error }, 'warm-up broke');
    } finally {
      this.#warming = undefined;
    }
  }

  /** Undefined when all is well, else what is not. */
  async #probe(signal: AbortSignal): Promise<string | undefined> {
    const { clock, url } = this.#options;
    const askedAt = clock.now();
    let response: Response;
    let body: unknown;
    try {
      response = await fetch(new URL('/readyz', url), {
        signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]),
      });
      body = await response.json();
    } catch (error) {
      signal.throwIfAborted();
      return `the OpenClaw gateway does not answer: ${causeOf(error)}`;
    }
    const parsed = Readiness.safeParse(body);
    if (!parsed.success) return `the OpenClaw gateway answered /readyz with HTTP ${response.status}`;
    const { ready, failing, uptimeMs } = parsed.data;
    if (!ready) return `the OpenClaw gateway is not ready: ${failing.join(', ') || 'it does not say why'}`;
    if (uptimeMs !== undefined) this.#noteStart(askedAt - uptimeMs, clock.now() - uptimeMs);
    return undefined;
  }

  /** The answer was made somewhere between question and receipt, so the start is known within these bounds. */
  #noteStart(earliest: number, latest: number): void {
    if (earliest <= this.#startedBefore + CLOCK_SLACK_MS) {
      this.#startedBefore = Math.min(this.#startedBefore, latest);
      return;
    }
    this.#options.log.info('gateway was restarted');
    this.#restarts += 1;
    this.#warm = false;
    this.#startedBefore = latest;
  }
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message;
  return error.message;
}
