import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { SYSTEM_ENV } from './run.ts';

/** Whether virtual machines can use this machine's processor directly, and how that was found out. */
export interface KvmVerdict {
  readonly usable: boolean;
  /** A sentence. */
  readonly reason: string;
}

const DEVICE = '/dev/kvm';
const TIMEOUT_MS = 30_000;
/** How long a kernel that has begun to talk may go on before it counts as running. */
const SETTLE_MS = 5000;

/**
 * Starts a tiny guest with KVM. The device alone proves nothing: inside some virtual machines it is there, and an
 * ordinary kernel dies on it. Without a `kernel`, one of the images in the cache is used.
 */
export async function probeKvm(options: {
  readonly kernel?: string;
  readonly cacheDir: string;
  readonly signal: AbortSignal;
}): Promise<KvmVerdict> {
  const { kernel = kernelInCache(options.cacheDir), signal } = options;
  if (!existsSync(DEVICE)) return unusable(`there is no ${DEVICE}`);
  try {
    accessSync(DEVICE, constants.R_OK | constants.W_OK);
  } catch {
    return unusable(`${DEVICE} may not be opened by this user`);
  }
  if (!kernel || !existsSync(kernel)) return unusable('there is no guest kernel to try it with');
  const trial = await startTrialGuest({ kernel, accelerator: 'kvm', signal });
  return trial.started
    ? { usable: true, reason: 'KVM is usable: a trial guest started.' }
    : unusable(`a trial guest did not start: ${trial.problem}`);
}

/** Boots a kernel without any disk, and watches its console until it has started or has failed to. */
export async function startTrialGuest(options: {
  readonly kernel: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly signal: AbortSignal;
}): Promise<{ readonly started: true } | { readonly started: false; readonly problem: string }> {
  const { kernel, accelerator, signal } = options;
  signal.throwIfAborted();
  const child = spawn(
    'qemu-system-x86_64',
    [
      ...['-machine', `q35,accel=${accelerator}`, '-cpu', accelerator === 'kvm' ? 'host' : 'max'],
      ...['-m', '256', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
      ...['-serial', 'stdio', '-kernel', kernel],
      ...['-append', 'console=ttyS0 earlyprintk=ttyS0 panic=-1'],
    ],
    { env: SYSTEM_ENV, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const problem = await watchGuest(child, signal).finally(() => child.kill('SIGKILL'));
  signal.throwIfAborted();
  return problem === undefined ? { started: true } : { started: false, problem };
}

/** A kernel that finds no root file system has come as far as it can. */
const REACHED_END = /Kernel panic - not syncing: VFS|No working init found|Run \/\S+ as init process/;
const KERNEL_LINE = /^\[ *\d+\.\d{6}\] /m;
const KVM_FAILURE = /KVM internal error|emulation failure|kvm run failed/i;

/** Resolves with nothing once the guest has started, else with what is wrong. */
function watchGuest(
  child: ChildProcessByStdio<null, Readable, Readable>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let [printed, complaints] = ['', ''];
  let settled: NodeJS.Timeout | undefined;
  const limit = setTimeout(() => resolve(`it printed nothing within ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
    if (REACHED_END.test(printed)) resolve(undefined);
    else if (KERNEL_LINE.test(printed)) settled ??= setTimeout(() => resolve(undefined), SETTLE_MS);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
    if (KVM_FAILURE.test(complaints)) resolve(firstError(complaints));
  });
  child.once('error', (error) => resolve(error.message));
  child.once('close', () =>
    resolve(firstError(complaints) || 'the guest ended before its kernel had started'),
  );
  const onAbort = (): void => resolve('interrupted');
  signal.addEventListener('abort', onAbort, { once: true });
  return promise.finally(() => {
    clearTimeout(limit);
    clearTimeout(settled);
    signal.removeEventListener('abort', onAbort);
  });
}

/** QEMU's own sentence, without its name and without warnings. */
function firstError(complaints: string): string {
  const lines = complaints.split('\n').filter((line) => line.trim() !== '' && !line.includes('warning:'));
  return (lines[0] ?? '').replace(/^qemu-system-x86_64: (error: )?/, '').trim();
}

function kernelInCache(cacheDir: string): string | undefined {
  const images = path.join(cacheDir, 'images');
  if (!existsSync(images)) return undefined;
  return readdirSync(images)
    .map((name) => path.join(images, name, 'vmlinuz'))
    .find((file) => existsSync(file));
}

function unusable(why: string): KvmVerdict {
  return { usable: false, reason: `KVM is not usable: ${why}.` };
}
