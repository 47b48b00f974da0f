import { z } from 'zod';
import { Standing } from '../chat-account.ts';
import { Conversation } from '../conversation.ts';
import { defineMessage } from '../envelope.ts';

/**
 * What a person said to the control plane in chat (`!olympus …`): `<f>.requests.<agent>.chat-command`. Every agent that
 * reads it passes it on, so that one that is away hides nothing; `key` is the post's, and the first to bring it counts.
 */
export const ChatCommandRequest = defineMessage({
  type: 'io.olympus.request.chat-command.v1',
  title: 'Command from chat',
  data: z.looseObject({
    key: z.string().min(1).max(512),
    /** What stands after `!olympus`. */
    text: z.string().max(40_000),
    /** When, by the clock of the chat server; when the message was written, where it does not say. */
    saidAt: z.iso.datetime().optional(),
    conversation: Conversation,
    /** Who said it, as the chat server had them just then. */
    requester: z.looseObject({
      id: z.string().min(1).max(256),
      name: z.string().max(256),
      /** A guest of the server, or an account that was deactivated: neither may do anything. */
      standing: Standing,
    }),
  }),
});
export type ChatCommandRequest = z.output<typeof ChatCommandRequest.schema>;
