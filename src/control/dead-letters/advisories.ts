import { z } from 'zod';
import { streamNames } from '#core/streams.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Logger } from '#lib/log.ts';
import { buryExhausted, type ExhaustedOptions } from './exhausted.ts';

/** What nats-server says of a message that it gives up; the fields that are used. Source: its ADR-6 and a running server. */
const Advisory = z.object({
  type: z.string(),
  stream: z.string(),
  stream_seq: z.int().positive(),
  consumer: z.string(),
  deliveries: z.int().nonnegative().default(0),
});

const MAX_DELIVERIES = 'io.nats.jetstream.advisory.v1.max_deliver';
const TERMINATED = 'io.nats.jetstream.advisory.v1.terminated';

/**
 * Handles the advisories of the server. An advisory can be missed, and come twice: the sweep finds what it would have
 * said, and what was buried is buried.
 */
export function advisoryHandler(
  options: ExhaustedOptions & {
    /** Called when an agent has ended the message of its work: only the sweep can find out which it was. */
    readonly onTaskEnded: () => void;
    readonly log: Logger;
  },
): (message: BusMessage) => Promise<void> {
  const { onTaskEnded, log } = options;
  return async (message) => {
    const advisory = Advisory.safeParse(parseJson(message.body)).data;
    if (!advisory) {
      // Nothing of ours to keep: another version of the server says it in other words, and the sweep stays.
      log.error({ subject: message.subject }, 'advisory cannot be read');
      return message.ack();
    }
    const { type, stream, stream_seq: seq, deliveries, consumer } = advisory;
    if (type === MAX_DELIVERIES) await buryExhausted(options, { stream, seq, deliveries });
    // What control itself ends has its letter already. Our daemons end nothing, but each agent may: the message is gone
    // then, and the advisory says neither its subject nor its body.
    if (type === TERMINATED && (stream === streamNames.tasks || stream === streamNames.deliveries)) {
      log.warn({ stream, seq, agent: consumer }, 'message ended by its agent');
      if (stream === streamNames.tasks) onTaskEnded();
    }
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
