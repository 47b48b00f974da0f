import { z } from 'zod';
import { Card, ClosedCard } from '../card.ts';
import { Conversation } from '../conversation.ts';
import { defineMessage } from '../envelope.ts';
import { Token } from '../tokens.ts';

/**
 * What control wants said or shown in a conversation: `<f>.deliveries.<agent>.<deliveryId>`.
 * The agent posts it under its own name, once; `deliveryId` is its idempotency key.
 */
export const Delivery = defineMessage({
  type: 'io.olympus.delivery.v1',
  title: 'Delivery to a conversation',
  data: z.looseObject({
    deliveryId: Token,
    agent: Token,
    conversation: Conversation,
    taskId: Token.optional(),
    /** How the task stands; all but `admitted` show on the asking post. `said` answers what became no task. */
    state: z.enum(['admitted', 'queued', 'completed', 'failed', 'rejected', 'expired', 'said']),
    /** What to say; absent when only the state changes. */
    text: z.string().min(1).optional(),
    /** How many agents stand between the person and this text. */
    depth: z.int().nonnegative(),
    /** Makes the last post of the text a card. */
    card: Card.optional(),
    /** Takes the buttons off a card that was posted before, and gives it this text. */
    closes: ClosedCard.optional(),
  }),
});
export type Delivery = z.output<typeof Delivery.schema>;
