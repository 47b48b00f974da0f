import { CONTROL_NAME, Token } from './tokens.ts';

/** Who asks by the older subject, in the records: the one user that may. */
export const KNIGHT_ASKER = 'knight';

/** The agent that `knight.<name>.task` is for; undefined for another subject, or a name that is none. */
export function knightOf(subject: string): string | undefined {
  const [first, name, last, ...more] = subject.split('.');
  if (first !== 'knight' || last !== 'task' || more.length > 0) return undefined;
  return Token.safeParse(name).data;
}

/** The key of a request: its message id, else its place in the stream and when it was stored there. */
export function knightKey(message: {
  readonly msgId: string | undefined;
  readonly seq: number;
  readonly storedAt: number;
}): string {
  const key = message.msgId ? `${ID}${message.msgId.slice(0, 256)}` : `at:${message.seq}:${message.storedAt}`;
  return `knight:${key}`;
}

const ID = 'id:';
const STORED = `${CONTROL_NAME}:knight:`;

/** Whether a task came so, by its key in the store; and the message id of its request, where it had one. */
export function knightRequestOf(dedupKey: string): { readonly requestId?: string } | undefined {
  if (!dedupKey.startsWith(STORED)) return undefined;
  const key = dedupKey.slice(STORED.length);
  return key.startsWith(ID) ? { requestId: key.slice(ID.length) } : {};
}
