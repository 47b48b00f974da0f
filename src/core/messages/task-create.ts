import { z } from 'zod';
import { Standing } from '../chat-account.ts';
import { Conversation } from '../conversation.ts';
import { Debounce } from '../debounce.ts';
import { After, WhenItFails } from '../dependencies.ts';
import { defineMessage } from '../envelope.ts';
import { Priority } from '../priority.ts';
import { Token } from '../tokens.ts';

/**
 * Longest text of a request, and of a task with what is brought to it, in characters (Unicode code points): four posts'
 * worth. Escaped as JSON, with all that is around it, it fits into a message of one MiB.
 */
export const INPUT_LIMIT = 64_000;

/** Longest of what a request brings along beside its text, in UTF-16 units. */
const CONTEXT_LIMIT = 24_576;

/**
 * An agent or surface asks for work: `<f>.requests.<author>.task-create`.
 * It becomes a task only when control admits it; `dedupKey` makes a second copy harmless.
 */
export const TaskCreate = defineMessage({
  type: 'io.olympus.request.task-create.v1',
  title: 'Request for a task',
  data: z.looseObject({
    dedupKey: z.string().min(1).max(512),
    /** Who should do it; usually the author of the message itself. Any text: control answers for unknown names. */
    agent: z.string().min(1).max(128),
    text: z.string(),
    /** What was said before, for the agent to understand the text: words of others, ready to be read, and nothing that is asked. */
    context: z.string().max(CONTEXT_LIMIT).optional(),
    conversation: Conversation.optional(),
    /** The name of the channel that it was asked in, as it stands in its address. */
    channel: z.string().optional(),
    /** Who asked, as the surface knows them. */
    requester: z.looseObject({
      id: z.string().min(1).max(256),
      name: z.string().max(256),
      kind: z.enum(['human', 'bot']),
      /** Of a person, as the chat server had them just then. */
      standing: Standing.optional(),
      roles: z.array(z.string()).optional(),
    }),
    domain: Token.optional(),
    priority: Priority.optional(),
    after: After.optional(),
    whenItFails: WhenItFails.optional(),
    debounce: Debounce.loose().optional(),
  }),
});
export type TaskCreate = z.output<typeof TaskCreate.schema>;
