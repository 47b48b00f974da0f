import { flushCompileCache } from 'node:module';
import { type Clock, systemClock } from './clock.ts';
import type { Lifecycle, PartHealth } from './lifecycle.ts';
import type { Logger } from './log.ts';
import { Loop } from './loop.ts';
import type { SdNotifier } from './sd-notify.ts';

export interface ProgramOptions {
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
  readonly notify: SdNotifier;
  /** How long each wave of the drain may take; systemd's TimeoutStopSec must be longer than both together. */
  readonly stopTimeoutMs: number;
  readonly clock?: Clock;
}

/**
 * Runs a lifecycle as a process: starts it, tells systemd that it is ready once its own parts run, and from then on
 * which peers it waits for; drains on the first SIGTERM or SIGINT, exits at once on the second. Exit codes: 0 after a clean stop, 1 when a part could not start or an
 * error reached the top, 130 when a second signal cut the drain short.
 */
export async function runProgram(options: ProgramOptions): Promise<void> {
  const { lifecycle, log, notify, stopTimeoutMs, clock = systemClock } = options;
  let told = '';
  const reporter = new Loop({
    clock,
    round: async () => {
      const status = statusOf(lifecycle.health());
      if (status !== told) await notify.status(status);
      told = status;
      return REPORT_MS;
    },
    onError: (error) => log.warn({ err: error }, 'systemd could not be told'),
  });
  let stuck = '';
  const watchdog = new Loop({
    clock,
    round: async () => {
      // Tied to live, never to ready: an hour without a peer must not restart the fleet.
      const notLive = namesOf(lifecycle.health().filter((part) => !part.live));
      if (notLive && notLive !== stuck) log.error({ parts: notLive }, 'stuck: the watchdog is not fed');
      stuck = notLive;
      if (notLive) return RECHECK_MS;
      await notify.watchdog();
      return notify.watchdogEveryMs ?? 0;
    },
    onError: (error) => log.warn({ err: error }, 'systemd watchdog could not be told'),
  });

  const leave = async (exitCode: number): Promise<void> => {
    await notify.stopping().catch((error) => log.warn({ err: error }, 'systemd could not be told'));
    await lifecycle.stop(stopTimeoutMs);
    await watchdog.stop();
    await reporter.stop();
    log.info({ exitCode }, 'stopped');
    process.exit(exitCode);
  };

  let leaving = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (leaving) process.exit(130);
    leaving = true;
    log.info({ signal }, 'draining');
    void leave(0);
  };
  const onCrash = (error: unknown): void => {
    log.fatal({ err: error }, 'an error reached the top');
    if (leaving) process.exit(1);
    leaving = true;
    void leave(1);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('uncaughtException', onCrash);
  process.on('unhandledRejection', onCrash);

  try {
    await lifecycle.start();
  } catch (error) {
    if (leaving) return;
    log.fatal({ err: error }, 'could not start');
    process.exit(1);
  }
  // Now, because a killed process would leave the next one to compile everything again. No-op without a cache.
  flushCompileCache();
  await notify.ready();
  if (notify.watchdogEveryMs) watchdog.start();
  if (notify.listens) reporter.start();
  log.info('running');
}

/** How often it is asked whether the status line is still true. */
const REPORT_MS = 2_000;
/** A part that was only slow is found alive again before the watchdog's time is up. */
const RECHECK_MS = 1_000;

/** Names only: the reasons, which change all the time, stand in /readyz. */
function statusOf(parts: readonly PartHealth[]): string {
  const stuck = namesOf(parts.filter((part) => !part.live));
  const waiting = namesOf(parts.filter((part) => part.live && !part.ready));
  const sentences = [stuck && `stuck: ${stuck}`, waiting && `waiting for ${waiting}`];
  return sentences.filter(Boolean).join('; ') || 'ready';
}

function namesOf(parts: readonly PartHealth[]): string {
  return parts.map((part) => part.name).join(', ');
}
