import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

/** What is counted outside of everything that is tested: one line for each time that a turn had its effect. */
export class Effects {
  readonly #fd: number;

  /** Lines are only ever added to `file`. */
  constructor(file: string) {
    this.#fd = openSync(file, 'a', 0o600);
  }

  /** The line is on disk when this returns. */
  add(runId: string, at: number): void {
    writeSync(this.#fd, `${JSON.stringify({ runId, at: new Date(at).toISOString() })}\n`);
    fsyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
