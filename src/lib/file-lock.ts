import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ToolError } from './tool-error.ts';

/**
 * Takes an exclusive lock on `file`, waiting for its holder until `signal` aborts; disposing releases it.
 *
 * The lock is the kernel's (flock), held by a child that lives exactly as long as its standard input is open,
 * so a holder that is killed, even with SIGKILL, leaves nothing locked.
 */
export async function lockFile(file: string, signal: AbortSignal): Promise<AsyncDisposable> {
  signal.throwIfAborted();
  const holder = spawn('flock', ['--exclusive', file, 'sh', '-c', 'echo locked; exec cat >&2'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(holder, 'close').catch((error: unknown) => [error]);
  const release = async (): Promise<void> => {
    // A child still waiting for the lock does not read its input, so ending it takes a signal.
    if (!holder.stdin.destroyed) holder.stdin.destroy();
    holder.kill();
    await ended;
  };
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  aborted.promise.catch(() => undefined);
  try {
    const won = await Promise.race([
      once(holder.stdout, 'data').then(() => true),
      ended.then(() => false),
      aborted.promise,
    ]);
    if (!won)
      throw new ToolError(
        `Could not lock ${file}: is util-linux (flock) installed, and the folder writable?`,
      );
  } catch (error) {
    await release();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  return { [Symbol.asyncDispose]: release };
}
