import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { effectiveConfig } from '#integrations/ssh/effective-config.ts';
import { ProxyProcess } from '#integrations/ssh/proxy-process.ts';
import { withDeadline } from '#lib/deadline.ts';

export interface BannerOptions {
  readonly configFile: string;
  readonly machine: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Whether an SSH server answers where OpenSSH would go; if not, why. Nothing is sent to it. */
export async function readBanner(options: BannerOptions): Promise<{ answers: boolean; why: string }> {
  const { configFile, machine, timeoutMs, signal } = options;
  const { host, port, proxyCommand } = await effectiveConfig(configFile, machine, signal);
  const where = `${host}:${port}`;
  const proxy = proxyCommand === undefined ? undefined : new ProxyProcess(proxyCommand);
  const stream = proxy?.stream ?? connect({ host, port });
  let why = `${where} closed the connection without a word`;
  try {
    const banner = await withDeadline(`a first word of ${where}`, timeoutMs, signal, () => firstWord(stream));
    if (banner.startsWith('SSH-2.0-')) return { answers: true, why: '' };
  } catch (error) {
    signal.throwIfAborted();
    why = `${where}: ${error instanceof Error ? error.message : error}`;
  } finally {
    stream.destroy();
    // What the program of a ProxyCommand complains about is nearer to the cause.
    why = (await proxy?.end()) || why;
  }
  return { answers: false, why };
}

async function firstWord(stream: Duplex): Promise<string> {
  const ended = Promise.withResolvers<string>();
  stream.once('end', () => ended.resolve('')).once('close', () => ended.resolve(''));
  const word = once(stream, 'data').then(([data]) => String(data));
  word.catch(() => undefined);
  return Promise.race([word, ended.promise]);
}
