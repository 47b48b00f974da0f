import type { Readable } from 'node:stream';
import type { Clock } from '#lib/clock.ts';
import type { Output } from './output.ts';
import type { Settings } from './settings.ts';

/** What every command is given; nothing else reaches it. */
export interface CliContext {
  readonly settings: Settings;
  readonly out: Output;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly version: string;
  /** Sets what the process ends with; 0 unless somebody says otherwise. */
  exitWith(code: number): void;
}
