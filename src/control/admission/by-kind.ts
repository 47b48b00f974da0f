import type { RequestKind } from '#core/subjects.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';

type Handler = (message: BusMessage) => Promise<void>;

/** Sends each request to who handles its kind, which its subject names; all others to `otherwise`. */
export function byKind(handlers: Partial<Record<RequestKind, Handler>>, otherwise: Handler): Handler {
  const known = new Map<string, Handler>(Object.entries(handlers));
  return (message) => (known.get(message.subject.split('.')[3] ?? '') ?? otherwise)(message);
}
