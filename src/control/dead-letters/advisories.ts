import { z } from 'zod';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Logger } from '#lib/log.ts';
import { buryExhausted, type ExhaustedOptions } from './exhausted.ts';

/** What nats-server says of a message that it gives up; the fields that are used. Source: its ADR-6 and a running server. */
const Advisory = z.object({
  type: z.string(),
  stream: z.string(),
  stream_seq: z.int().positive(),
  deliveries: z.int().nonnegative().default(0),
});

const MAX_DELIVERIES = 'io.nats.jetstream.advisory.v1.max_deliver';

/**
 * Handles the advisories of the server. An advisory can be missed, and come twice: the sweep finds what it would have
 * said, and what was buried is buried.
 */
export function advisoryHandler(
  options: ExhaustedOptions & { readonly log: Logger },
): (message: BusMessage) => Promise<void> {
  const { log } = options;
  return async (message) => {
    const advisory = Advisory.safeParse(parseJson(message.body)).data;
    if (!advisory) {
      // Nothing of ours to keep: another version of the server says it in other words, and the sweep stays.
      log.error({ subject: message.subject }, 'advisory cannot be read');
      return message.ack();
    }
    const { type, stream, stream_seq: seq, deliveries } = advisory;
    // What was terminated has its letter already: control writes that before, and agents do not terminate.
    if (type === MAX_DELIVERIES) await buryExhausted(options, { stream, seq, deliveries });
    await message.ack();
  };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
