import { markerOfCard } from '#core/card.ts';
import { chatSigns } from '#core/chat-signs.ts';
import { parseMessage } from '#core/envelope.ts';
import { Decision } from '#core/messages/decision.ts';
import { Delivery } from '#core/messages/delivery.ts';
import { UNREADABLE_RETRY_MS } from '#core/streams.ts';
import { POST_LIMIT } from '#integrations/mattermost/rest.ts';
import { splitMessage } from '#integrations/mattermost/split-message.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Logger } from '#lib/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { Lease } from './lease.ts';
import { postsOf } from './long-post.ts';

type DeliveryData = Delivery['data'];

/** What the asking post shows for each state. */
const SIGNS: Readonly<Record<Exclude<DeliveryData['state'], 'admitted' | 'said'>, string>> = {
  queued: chatSigns.queued,
  completed: chatSigns.done,
  failed: chatSigns.failed,
  rejected: chatSigns.failed,
  expired: chatSigns.failed,
};

/**
 * Handles what control wants said, and what people have decided. The delivery's id is the key of its posts in the
 * outbox: delivered twice, it is written once. A decision that is in the journal already changes nothing.
 */
export function deliveryHandler(options: {
  readonly agent: string;
  readonly journal: Journal;
  readonly lease: Pick<Lease, 'held'>;
  readonly onAdded: () => void;
  /** Called with the key of what was decided, once that is in the journal. */
  readonly onDecided: (key: string) => void;
  readonly log: Logger;
}): (message: BusMessage) => Promise<void> {
  const { agent, journal, lease, onAdded, onDecided, log } = options;
  return async (message) => {
    // Pulled before the lease lapsed: said by the one that holds it then.
    if (!lease.held) return;
    const parsed = parseMessage(message.body, [Delivery, Decision]);
    if (parsed.kind !== 'ok' || parsed.message.data.agent !== agent) {
      log.error({ subject: message.subject, problem: parsed }, 'delivery cannot be read');
      // Not ended here: control finds it when it was tried too often, or a newer daemon can read it.
      message.later(UNREADABLE_RETRY_MS);
      return;
    }
    const { message: told } = parsed;
    if (told.type === Decision.type) {
      const { data } = told;
      const isNew = await journal.transaction(() => journal.asks.decide(data));
      if (isNew)
        log.info({ taskId: data.taskId, runId: data.runId, state: data.state }, 'people have decided');
      onDecided(data.key);
    } else {
      const { data } = told;
      await journal.transaction(() => record(journal, data));
      onAdded();
    }
    await message.ack();
  };
}

function record(journal: Journal, delivery: DeliveryData): void {
  const { deliveryId, conversation, taskId, state, text, depth, card, closes } = delivery;
  journal.inbox.accept(conversation.postId);
  if (closes) {
    journal.cards.close(closes.id);
    journal.outbox.addChat(`delivery:${deliveryId}:card`, {
      kind: 'close-card',
      channelId: conversation.channelId,
      rootId: conversation.rootId,
      marker: markerOfCard(closes.id),
      depth,
      message: splitMessage(closes.text, POST_LIMIT)[0] ?? closes.text,
    });
  }
  const isCard = card !== undefined && journal.cards.open(card.id);
  const parts = text ? postsOf(text, taskId) : [];
  const posts = `delivery:${deliveryId}:post:`;
  for (const [index, part] of parts.entries()) {
    journal.outbox.addChat(`${posts}${index}`, {
      kind: 'post',
      channelId: conversation.channelId,
      rootId: conversation.rootId,
      ...part,
      ...(isCard && index === parts.length - 1
        ? { marker: markerOfCard(card.id), card }
        : { marker: `${deliveryId}-${index}` }),
      depth,
    });
  }
  if (state === 'admitted') return;
  const settled = state !== 'queued';
  const { postId } = conversation;
  // What became no task has no state to show: its answer is the sign.
  if (state === 'said') {
    journal.inbox.settle(postId);
    return;
  }
  if (settled) {
    for (const emoji of [chatSigns.working, chatSigns.queued]) {
      journal.outbox.addChat(`delivery:${deliveryId}:un${emoji}`, { kind: 'unreact', postId, emoji });
    }
  }
  journal.outbox.addChat(`delivery:${deliveryId}:state`, {
    kind: 'react',
    postId,
    emoji: SIGNS[state],
    unless: { of: posts, emoji: chatSigns.failed },
  });
  if (settled) journal.inbox.settle(postId);
}
