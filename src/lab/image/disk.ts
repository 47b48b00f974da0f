import { copyFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { type OnProgress, ToolError } from '#lib/tool-error.ts';
import { FILESYSTEM_LABEL, IMAGE_GIB } from './recipe.ts';

export interface DiskOptions {
  readonly rootfs: string;
  /** The files to make. */
  readonly image: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** Makes a disk of one ext4 file system from a tree, with kernel and initrd beside it. Returns its SHA-256. */
export async function makeDisk(options: DiskOptions): Promise<string> {
  const { rootfs, image, kernel, initrd, signal, onProgress } = options;
  const boot = path.join(rootfs, 'boot');
  await copyFile(path.join(boot, await only(boot, 'vmlinuz-')), kernel);
  await copyFile(path.join(boot, await only(boot, 'initrd.img-')), initrd);

  onProgress('writing the disk image');
  const raw = `${image}.raw`;
  const run = $({ signal, quiet: true, timeout: '10m' });
  await run`truncate -s ${IMAGE_GIB}G ${raw}`;
  await run`/sbin/mke2fs -q -t ext4 -L ${FILESYSTEM_LABEL} -E lazy_itable_init=1,nodiscard -d ${rootfs} ${raw}`;
  await run`qemu-img convert -O qcow2 ${raw} ${image}`;
  await run`rm ${raw}`;
  const { stdout } = await run`sha256sum ${image}`;
  return stdout.slice(0, 64);
}

async function only(dir: string, prefix: string): Promise<string> {
  const names = (await readdir(dir)).filter((name) => name.startsWith(prefix));
  const [name] = names;
  if (!name || names.length > 1) {
    throw new ToolError(`The image should hold one ${prefix}*, and holds ${names.length}.`);
  }
  return name;
}
