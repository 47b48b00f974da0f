import { KNIGHT_ASKER, knightKey, knightOf } from '#core/knights.ts';
import { CONTROL_NAME } from '#core/tokens.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import { type AdmissionOptions, admit } from './admission.ts';
import { readKnightRequest } from './knight-request.ts';

/**
 * Handles requests by the older subject `knight.<name>.task`: admitted like any other, in the name of the one user that
 * may publish there. What makes a second delivery harmless: its key is the message id, or its place in the stream.
 */
export function knightHandler(options: AdmissionOptions): (message: BusMessage) => Promise<void> {
  const { store, deadLetters, onDecided } = options;
  return async (message) => {
    const agent = knightOf(message.subject);
    const parsed = readKnightRequest(message.body);
    if (agent === undefined) {
      const reason = 'the name in the subject is not one: use 1 to 64 of a-z, 0-9, _ and -';
      return deadLetters.giveUp(message, { kind: 'invalid', reason });
    }
    if (parsed.kind !== 'ok') return deadLetters.giveUp(message, parsed);
    const { text, domain, priority } = parsed.message;
    const requester = { id: KNIGHT_ASKER, name: KNIGHT_ASKER, kind: 'human' as const };
    await store.transaction((tx) =>
      admit(tx, options, {
        author: CONTROL_NAME,
        by: `person/${KNIGHT_ASKER}`,
        request: { dedupKey: knightKey(message), agent, text, domain, priority, requester },
        depth: 0,
      }),
    );
    onDecided();
    await message.ack();
  };
}
