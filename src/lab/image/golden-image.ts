import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { $ } from 'zx';
import { ensureCacheEntry } from '#lib/cache-entry.ts';
import { type OnProgress, ToolError } from '#lib/tool-error.ts';
import { ensureNatsServer } from '../tools/nats-server.ts';
import { ensureOpenclaw } from '../tools/openclaw.ts';
import { fillCompileCache } from './compile-cache.ts';
import { makeDisk } from './disk.ts';
import { makeRootfs } from './rootfs.ts';
import { imageSource } from './source.ts';

/** A finished golden image: a disk without boot loader, started with its kernel beside it. */
export interface GoldenImage {
  /** qcow2, holding one ext4 file system. */
  readonly image: string;
  readonly sha256: string;
  readonly kernel: string;
  readonly initrd: string;
}

const Manifest = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });

export interface GoldenImageOptions {
  readonly cacheDir: string;
  /** The Node program that goes into the image. */
  readonly node: string;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/**
 * The golden image from the cache, built first if need be (root, mmdebstrap, about two minutes): the
 * distribution and suite of this machine from its own apt sources, with Node, OpenClaw and nats-server inside.
 * An entry is named by what it is made of, so a changed recipe makes a new one and a half-built one never counts.
 */
export async function ensureGoldenImage(options: GoldenImageOptions): Promise<GoldenImage> {
  const { cacheDir, node, signal, onProgress } = options;
  const source = await imageSource();
  const openclaw = await ensureOpenclaw(cacheDir, signal, onProgress);
  const nats = await natsOf(await ensureNatsServer(cacheDir, signal, onProgress));
  const digest = await digestOf([path.basename(openclaw), nats.version, process.version]);
  const name = `golden-${source.suite}-${digest.slice(0, 12)}`;
  const folder = path.join(cacheDir, 'images');
  const entry = await ensureCacheEntry({
    folder,
    find: async () =>
      existsSync(path.join(folder, name, 'manifest.json')) ? path.join(folder, name) : undefined,
    make: async (workDir) => {
      const rootfs = path.join(workDir, 'rootfs');
      const contents = path.join(workDir, 'image');
      await mkdir(contents);
      await makeRootfs({ rootfs, source, node, openclaw, nats, signal, onProgress });
      await fillCompileCache({ rootfs, signal, onProgress });
      const made = filesIn(contents);
      const sha256 = await makeDisk({ rootfs, ...made, signal, onProgress });
      await writeFile(path.join(contents, 'manifest.json'), `${JSON.stringify({ sha256 })}\n`);
      return { name, contents: 'image' };
    },
    signal,
    onProgress,
  });
  const { sha256 } = Manifest.parse(JSON.parse(await readFile(path.join(entry, 'manifest.json'), 'utf8')));
  return { ...filesIn(entry), sha256 };
}

async function natsOf(program: string): Promise<{ program: string; version: string }> {
  const printed = await $({ quiet: true })`${program} -v`;
  const version = /v(\d+\.\d+\.\d+)/.exec(printed.stdout)?.[1];
  if (!version) throw new ToolError(`${program} -v does not print a version: ${printed.stdout.trim()}`);
  return { program, version };
}

function filesIn(dir: string): { image: string; kernel: string; initrd: string } {
  return {
    image: path.join(dir, 'base.qcow2'),
    kernel: path.join(dir, 'vmlinuz'),
    initrd: path.join(dir, 'initrd'),
  };
}

/** Of the recipe's own text and of what goes in. */
async function digestOf(parts: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part}\n`);
  for (const file of ['recipe.ts', 'rootfs.ts', 'compile-cache.ts', 'disk.ts']) {
    hash.update(await readFile(path.join(import.meta.dirname, file)));
  }
  return hash.digest('hex');
}
