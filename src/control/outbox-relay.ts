import { isLogged } from '#core/subjects.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import { LogPublisher, publish } from '#integrations/nats/publisher.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/log.ts';
import { Relay } from '#lib/relay.ts';
import type { BusEffect } from './store/outbox-repository.ts';
import type { Store } from './store/store.ts';

/** Brings to the bus what transactions wrote down for it. */
export function outboxRelay(options: {
  readonly store: Store;
  readonly bus: BusConnection;
  readonly atOnce: number;
  readonly log: Logger;
  readonly clock: Clock;
}): Relay {
  const { store, bus, ...others } = options;
  const events = new LogPublisher(bus);
  return new Relay({
    name: 'outbox',
    source: store.outboxSource(),
    send: async (entry) => {
      const effect = entry.payload as BusEffect;
      await (isLogged(effect.subject) ? events.publish(effect) : publish(bus, effect));
    },
    ...others,
  });
}
