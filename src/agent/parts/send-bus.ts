import { isLogged } from '#core/subjects.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import { LogPublisher, publish } from '#integrations/nats/publisher.ts';
import type { Logger } from '#lib/log.ts';
import type { OutboxEntry } from '#lib/relay.ts';
import { BusEffect } from '../journal/outbox-store.ts';

/** Publishes entries of the bus lane, each with the message id that was journaled with it. */
export function busSender(bus: BusConnection, log: Logger): (entry: OutboxEntry) => Promise<void> {
  const runLog = new LogPublisher(bus);
  return async (entry) => {
    const effect = BusEffect.parse(entry.payload);
    if (isLogged(effect.subject)) return runLog.publish(effect);
    const outcome = await publish(bus, effect);
    if (outcome === 'duplicate' && entry.attempts === 0) {
      // Ids are per stream and unguessable: a first send that is a duplicate means that somebody took ours.
      log.error({ key: entry.key }, 'first publish was called a duplicate');
    }
    return undefined;
  };
}
