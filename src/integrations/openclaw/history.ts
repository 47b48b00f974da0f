import type { Connection } from './connection.ts';
import { History, type HistoryMessage } from './protocol.ts';
import { beginsTurn, type Trace, traceOf } from './recover.ts';

/** The rows of one page: most turns write fewer. */
const PAGE = 200;
/** So many turns may have begun after the one that is sought before its end was written down: those of the same conversation. */
const TURNS_AFTER = 8;
/** What is looked through at most. */
const LIMIT = 10_000;

/** Whose history is read, for which turn. */
export interface Sought {
  /** The gateway's own form of the session key. */
  readonly key: string;
  readonly runId: string;
  readonly sessionKey: string;
}

/**
 * What the history of a session says about a turn. It is read backwards until the turn's beginning is found, or those
 * of several others: one that has written more than a page would look as if it had never begun, and be begun a second time.
 */
export async function traceInHistory(
  connection: Connection,
  { key, runId, sessionKey }: Sought,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Trace> {
  const read = async (offset: number): Promise<History> =>
    History.parse(await connection.call('chat.history', { sessionKey: key, limit: PAGE, offset }, options));
  const latest = await read(0);
  let messages: readonly HistoryMessage[] = latest.messages;
  let { nextOffset } = latest;
  for (;;) {
    const trace = traceOf({ ...latest, messages: [...messages] }, runId, sessionKey);
    const turns = messages.filter(beginsTurn).length;
    if (trace.kind !== 'none' || nextOffset === undefined) return trace;
    if (turns > TURNS_AFTER || nextOffset > LIMIT) return trace;
    const older = await read(nextOffset);
    messages = [...older.messages, ...messages];
    nextOffset = older.nextOffset;
  }
}
