import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, rename, statfs } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** What a disk may be over by, for what was written between looking and limiting. */
const SLACK_BYTES = 64 * 1024;

/** State directories on file systems in memory, each of which may be filled up and freed. */
export class Disks implements AsyncDisposable {
  readonly #mounts: string[] = [];
  /** Why none can be filled here, when that is so. */
  #missing: string | undefined;

  get missing(): string | undefined {
    return this.#missing;
  }

  /** Mounts one at `dir`, or says in `missing` why that cannot be done; then `dir` stays as it is. */
  async mount(dir: string): Promise<void> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    if (this.#missing) return;
    try {
      await run('mount', ['-t', 'tmpfs', '-o', 'mode=700', 'olympus-chaos', dir]);
      this.#mounts.push(dir);
    } catch (error) {
      this.#missing = `no file system can be mounted here (${firstLine(error)})`;
    }
  }

  /** Not a byte more than what is there fits until it is freed. */
  async fill(dir: string): Promise<void> {
    await truncateLogs(dir);
    for (let slack = 0; ; slack += SLACK_BYTES) {
      const { blocks, bfree, bsize } = await statfs(dir);
      try {
        await resize(dir, String((blocks - bfree) * bsize + slack));
        return;
      } catch (error) {
        // Something was written meanwhile: smaller than what is there it cannot be made.
        if (slack > 16 * SLACK_BYTES) throw error;
      }
    }
  }

  async free(dir: string): Promise<void> {
    await resize(dir, '50%');
  }

  async freeAll(): Promise<void> {
    for (const dir of this.#mounts) await this.free(dir);
  }

  /** What lies on them stays when they are unmounted. */
  async keep(): Promise<void> {
    for (const dir of this.#mounts.splice(0)) {
      await cp(dir, `${dir}.kept`, { recursive: true });
      await run('umount', [dir]);
      await rename(`${dir}.kept`, dir);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dir of this.#mounts.splice(0)) await run('umount', [dir]);
  }
}

function resize(dir: string, size: string): Promise<unknown> {
  return run('mount', ['-o', `remount,size=${size}`, dir]);
}

/** A log of SQLite keeps the room it once had, and would take writes into it for long. */
async function truncateLogs(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!name.endsWith('.sqlite')) continue;
    const db = new DatabaseSync(path.join(dir, name));
    db.exec('PRAGMA busy_timeout=1000; PRAGMA wal_checkpoint(TRUNCATE);');
    db.close();
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n').at(-1) ?? text;
}
