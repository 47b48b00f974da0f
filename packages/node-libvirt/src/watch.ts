import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, type ConnectOptions, connect } from './connect.ts';
import { targetOf } from './dial.ts';
import type { AgentEvent, DomainEvent } from './events.ts';

export interface WatchOptions extends Omit<ConnectOptions, 'signal'> {
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /**
   * Called with each new connection once all that happens is told: what happened before, or while there was none, was
   * not, so that whoever keeps a picture makes it anew from lists. When it throws, the connection counts as lost.
   */
  readonly onUp: (connection: Connection) => Promise<void> | void;
  /** Called with why a connection was lost, or none could be made. */
  readonly onDown?: (reason: unknown) => void;
  readonly onDomain?: (event: DomainEvent) => void;
  readonly onAgent?: (event: AgentEvent) => void;
  /** The wait before it is tried again; it doubles with each failure in a row, up to 32 times this. 1 s unless it is said. */
  readonly retryMs?: number;
}

const MOST_DOUBLINGS = 5;

/**
 * Stays connected to a host and tells what happens to its domains, over as many connections as it takes, until `signal`
 * aborts. Throws a TypeError for a URI that is none.
 */
export async function watch(uri: string, options: WatchOptions): Promise<void> {
  const { signal, onUp, onDown, onDomain, onAgent, retryMs = 1000, ...way } = options;
  targetOf(uri);
  let failures = 0;
  while (!signal.aborted) {
    try {
      await using connection = await connect(uri, { ...way, signal });
      if (onDomain) await connection.events.subscribe(onDomain, { signal });
      if (onAgent) await connection.events.subscribeAgents(onAgent, { signal });
      await onUp(connection);
      failures = 0;
      throw await endOf(connection, signal);
    } catch (error) {
      if (signal.aborted) return;
      onDown?.(error);
    }
    const waitMs = retryMs * 2 ** Math.min(failures, MOST_DOUBLINGS);
    failures += 1;
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Why the connection has ended; or the signal's reason. */
async function endOf(connection: Connection, signal: AbortSignal): Promise<unknown> {
  const aborted = Promise.withResolvers<unknown>();
  const onAbort = (): void => aborted.resolve(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([connection.ended, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
