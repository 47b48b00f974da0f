import { z } from 'zod';
import { Standing } from '../chat-account.ts';
import { defineMessage } from '../envelope.ts';
import { Token } from '../tokens.ts';

/**
 * What control, which has no account in chat, has an agent ask the chat server about somebody else's:
 * `<f>.control.<agent>.standing`, request and reply.
 */
export const AccountQuestion = defineMessage({
  type: 'io.olympus.account.question.v1',
  title: 'Question about an account in chat',
  data: z.looseObject({
    agent: Token,
    /** The id of the account. */
    account: z.string().min(1).max(256),
  }),
});
export type AccountQuestion = z.output<typeof AccountQuestion.schema>;

/** What the chat server has said of it just now, or why it could not be asked. */
export const AccountAnswer = z.union([
  z.looseObject({ ok: z.literal(true), standing: z.union([Standing, z.literal('bot')]) }),
  z.looseObject({ ok: z.literal(false), reason: z.string() }),
]);
export type AccountAnswer = z.output<typeof AccountAnswer>;
