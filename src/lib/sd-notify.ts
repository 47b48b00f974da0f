import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** On a machine that is busy booting, a process of its own may take seconds to start. */
const SEND_TIMEOUT_MS = 20_000;

/**
 * Tells systemd about this service's state (sd_notify(3)), through `systemd-notify`,
 * so that no native module is needed; the unit sets NotifyAccess=all.
 * Outside systemd (no NOTIFY_SOCKET) it does nothing.
 */
export interface SdNotifier {
  /** Whether there is a systemd to tell. */
  readonly listens: boolean;
  ready(): Promise<void>;
  stopping(): Promise<void>;
  watchdog(): Promise<void>;
  status(text: string): Promise<void>;
  /** Half of the interval systemd asked for, in milliseconds; undefined without a watchdog. */
  readonly watchdogEveryMs: number | undefined;
}

export function createSdNotifier(env: {
  NOTIFY_SOCKET?: string | undefined;
  WATCHDOG_USEC?: string | undefined;
}): SdNotifier {
  const socket = env.NOTIFY_SOCKET;
  const send = async (...words: string[]): Promise<void> => {
    if (!socket) return;
    await run('systemd-notify', words, {
      env: { PATH: '/usr/bin:/bin', NOTIFY_SOCKET: socket },
      timeout: SEND_TIMEOUT_MS,
    });
  };
  const watchdogMicros = Number(env.WATCHDOG_USEC ?? 0);
  return {
    listens: socket !== undefined && socket !== '',
    // Assignments, not options: systemd-notify has --stopping only since version 253.
    ready: () => send('READY=1'),
    stopping: () => send('STOPPING=1'),
    watchdog: () => send('WATCHDOG=1'),
    status: (text) => send(`STATUS=${text}`),
    watchdogEveryMs: socket && watchdogMicros > 0 ? Math.floor(watchdogMicros / 2000) : undefined,
  };
}
