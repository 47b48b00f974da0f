import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** A new empty folder, removed when disposed; with OLYMPUS_KEEP_TEMP=1 it stays, to look into. */
export async function tempDir(name = 'test'): Promise<TempDir> {
  const dir = await mkdtemp(path.join(tmpdir(), `olympus-${name}-`));
  return {
    path: dir,
    async [Symbol.asyncDispose]() {
      if (process.env['OLYMPUS_KEEP_TEMP']) return;
      await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}
