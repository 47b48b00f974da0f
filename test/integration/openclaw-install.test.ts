import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { ensureOpenclaw } from '#lab/tools/openclaw.ts';
import { cacheDirectory } from '#lib/config.ts';

const never = new AbortController().signal;

describe('the OpenClaw that goes to machines', () => {
  it('is one whose installation is finished, so that a user who may not write there can run it', async () => {
    const dir = await ensureOpenclaw(cacheDirectory(process.env), never);

    const inside = await readdir(path.join(dir, 'node_modules', 'openclaw'));
    assert.deepEqual(
      inside.filter((name) => name.startsWith('.openclaw-')),
      [],
    );
  });

  it('has the native modules of the Node we bring, whichever one npm came with', async () => {
    const dir = await ensureOpenclaw(cacheDirectory(process.env), never);

    assert.ok(existsSync(path.join(dir, 'node_modules', '@openclaw', 'fs-safe-linux-x64-gnu')));
  });
});
