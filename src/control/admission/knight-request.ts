import { z } from 'zod';
import { type ParsedMessage, parseMessage } from '#core/envelope.ts';
import { TaskCreate } from '#core/messages/task-create.ts';
import { Priority } from '#core/priority.ts';
import { Token } from '#core/tokens.ts';

/** What was asked by `knight.<name>.task`. */
export interface KnightRequest {
  readonly text: string;
  readonly domain?: string | undefined;
  readonly priority?: Priority | undefined;
}

/** A task as the older senders write it. */
const Plain = z
  .looseObject({
    text: z.string().optional(),
    task: z.string().optional(),
    message: z.string().optional(),
    domain: Token.optional(),
    priority: Priority.optional(),
  })
  .transform(({ text, task, message, domain, priority }) => ({
    text: text ?? task ?? message,
    domain,
    priority,
  }))
  .refine((given) => given.text !== undefined, 'it has none of text, task and message');

/** Reads a request in any of its forms: a CloudEvent, a JSON object or string with the text, or the text itself. */
export function readKnightRequest(body: Uint8Array): ParsedMessage<KnightRequest> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return { kind: 'invalid', reason: 'the body is not text in UTF-8' };
  }
  const json = jsonOf(text);
  if (typeof json === 'string') return { kind: 'ok', message: { text: json } };
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return { kind: 'ok', message: { text } };
  }
  if ('specversion' in json) {
    const parsed = parseMessage(body, [TaskCreate]);
    return parsed.kind === 'ok' ? { kind: 'ok', message: parsed.message.data } : parsed;
  }
  const parsed = Plain.safeParse(json);
  if (!parsed.success) return { kind: 'invalid', reason: z.prettifyError(parsed.error) };
  return { kind: 'ok', message: { ...parsed.data, text: parsed.data.text ?? '' } };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
