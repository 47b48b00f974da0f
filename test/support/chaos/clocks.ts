import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** From Debian's package libfaketime. The Node of a process asks libc for the time, which this answers instead. */
const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';

/** The clocks of processes, each of which may be shifted while it runs, from outside. */
export class Clocks {
  readonly #dir: string;
  /** Why no clock can be shifted here, when that is so. */
  readonly missing: string | undefined;

  constructor(dir: string) {
    this.#dir = dir;
    this.missing = existsSync(LIBRARY) ? undefined : `${LIBRARY} is not there (apt-get install faketime)`;
  }

  /** What a process needs in its environment for its clock to be ours. Timers keep their own time. */
  envOf(name: string): Record<string, string> {
    if (this.missing) return {};
    this.shift(name, 0);
    return {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.#file(name),
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
  }

  /** The process sees it within a second. */
  shift(name: string, seconds: number): void {
    writeFileSync(this.#file(name), `${seconds < 0 ? '' : '+'}${seconds}\n`);
  }

  #file(name: string): string {
    return path.join(this.#dir, `clock-${name}`);
  }
}
