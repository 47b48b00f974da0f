import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** The one place that names what must never be printed. Paths are pino's redaction syntax. */
const SECRET_PATHS = ['token', '*.token', 'authorization', '*.authorization', 'seed', '*.seed', 'password'];

/** A JSON logger on standard output (or `destination`), one line an entry, secrets redacted. */
export function createLogger(options: {
  name: string;
  level?: string;
  destination?: DestinationStream;
}): Logger {
  const settings = {
    name: options.name,
    level: options.level ?? 'info',
    redact: { paths: SECRET_PATHS, censor: '[redacted]' },
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return options.destination ? pino(settings, options.destination) : pino(settings);
}

/** Sends what libraries print with `console.log` to the log instead, where it cannot break the line format. */
export function captureConsole(log: Logger): void {
  const say = (...words: unknown[]): void => log.debug({ words: words.map(String) }, 'a library said');
  Object.assign(globalThis.console, { log: say, info: say, warn: say, error: say });
}
