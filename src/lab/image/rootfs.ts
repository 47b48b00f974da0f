import { chmod, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { type OnProgress, ToolError } from '#lib/tool-error.ts';
import { openclawEntry } from '../tools/openclaw.ts';
import { OPENCLAW_VERSION } from '../tools/versions.ts';
import { EARLY_FILES, FILES, MASKED_UNITS, OPENCLAW_PATIENCE, PACKAGES } from './recipe.ts';
import type { ImageSource } from './source.ts';

export interface RootfsOptions {
  readonly rootfs: string;
  readonly source: ImageSource;
  readonly node: string;
  /** OpenClaw's folder, as the cache keeps it. */
  readonly openclaw: string;
  /** The nats-server program and its version. */
  readonly nats: { readonly program: string; readonly version: string };
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** Fills `rootfs` with the tree of a machine: packages, then our runtimes under /opt/olympus. */
export async function makeRootfs(options: RootfsOptions): Promise<void> {
  const { rootfs, source, onProgress } = options;
  onProgress(`installing ${source.distribution.id} ${source.suite} into the image`);
  await bootstrap(options);
  onProgress('adding Node, OpenClaw and nats-server');
  await addRuntimes(options);
  await writeFiles(rootfs, FILES);
  for (const unit of MASKED_UNITS) {
    await symlink('/dev/null', path.join(rootfs, 'etc/systemd/system', unit)).catch(ignoreExisting);
  }
  // Keys are given to each machine by its seed.
  const ssh = path.join(rootfs, 'etc/ssh');
  for (const name of await readdir(ssh)) {
    if (name.startsWith('ssh_host_')) await rm(path.join(ssh, name));
  }
}

async function bootstrap({ rootfs, source, signal }: RootfsOptions): Promise<void> {
  const early = `${rootfs}.early`;
  await writeFiles(early, EARLY_FILES);
  const arguments_ = [
    '--variant=apt',
    '--format=directory',
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=Acquire::Retries "3"',
    ...['man', 'doc', 'locale', 'info'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
    `--include=${[source.distribution.kernel, ...PACKAGES].join(',')}`,
    `--setup-hook=cp -r ${early}/. "$1"`,
    source.suite,
    rootfs,
    ...source.sources,
  ];
  const run = $({ signal, quiet: true, nothrow: true, timeout: '20m', env: environment() });
  // In a mount namespace of its own, and dying with this process: a killed build leaves nothing mounted.
  const made =
    await run`exec setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child mmdebstrap ${arguments_}`;
  signal.throwIfAborted();
  if (made.exitCode === 0) return;
  const lines = made.stderr.trim().split('\n');
  const causes = lines.filter((line) => /^(E|W):|error|failed/i.test(line)).slice(-5);
  throw new ToolError(
    `The image could not be built: mmdebstrap ended with ${made.exitCode}. Run this again when the package mirror answers.\n${(causes.length > 0 ? causes : lines.slice(-5)).join('\n')}`,
  );
}

/** Nothing of the caller's environment: the same image wherever it is built. */
function environment(): Record<string, string> {
  return {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C.UTF-8',
    DEBIAN_FRONTEND: 'noninteractive',
    HOME: '/root',
  };
}

async function addRuntimes({ rootfs, node, openclaw, nats }: RootfsOptions): Promise<void> {
  const opt = path.join(rootfs, 'opt/olympus');
  const runtime = (name: string): string => path.join(opt, 'runtime', name);
  const names = {
    node: `node-${process.versions.node}`,
    openclaw: `openclaw-${OPENCLAW_VERSION}`,
    nats: `nats-${nats.version}`,
  };
  await mkdir(path.join(runtime(names.node), 'bin'), { recursive: true });
  await cp(node, path.join(runtime(names.node), 'bin/node'), { dereference: true });
  await chmod(path.join(runtime(names.node), 'bin/node'), 0o755);
  await mkdir(runtime(names.nats));
  await cp(nats.program, path.join(runtime(names.nats), 'nats-server'));
  // cp -a: links among 330 packages, and five times as fast as one file after another.
  await $({ quiet: true })`cp -a --no-preserve=ownership ${openclaw} ${runtime(names.openclaw)}`;
  await bePatient(path.dirname(openclawEntry(runtime(names.openclaw))));
  for (const [link, name] of Object.entries(names)) await symlink(`runtime/${name}`, path.join(opt, link));
}

/** Raises the time-outs of OpenClaw that emulation does not keep; a release without one of them has to be looked at. */
async function bePatient(openclaw: string): Promise<void> {
  for (const { name, where, from, to } of OPENCLAW_PATIENCE) {
    const found = await $({ quiet: true, nothrow: true })`grep -rlE ${where} ${openclaw}/dist`;
    const files = found.stdout.split('\n').filter(Boolean);
    if (files.length === 0) {
      throw new ToolError(`OpenClaw ${OPENCLAW_VERSION} has no ${name}: see src/lab/image/recipe.ts.`);
    }
    for (const file of files) await writeFile(file, (await readFile(file, 'utf8')).replace(from, to));
  }
}

async function writeFiles(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await rm(file, { force: true }); // some are links out of the image, such as /etc/resolv.conf
    await writeFile(file, text);
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
