import { JetStreamApiError } from '@nats-io/jetstream';
import { messageOf, OlympusError } from '#core/errors.ts';
import type { BusConnection } from './connection.ts';

/** `stored`: now. `duplicate`: the server already had this id, or already holds a message on this one-message subject. */
export type PublishOutcome = 'stored' | 'duplicate';

/** Error code of a stream that is full, and also of a taken subject: told apart by text only. */
const LIMIT_REACHED = 10077;

/**
 * Publishes `body` and waits until the stream has it on disk. Asking twice with the same `msgId` stores once.
 * Throws `bus_unavailable` when that is not certain: try again with the same id.
 */
export async function publish(
  bus: BusConnection,
  message: { subject: string; body: string; msgId: string },
): Promise<PublishOutcome> {
  try {
    const ack = await bus
      .jetstream()
      .publish(message.subject, message.body, { msgID: message.msgId, timeout: 5000, retries: 0 });
    return ack.duplicate ? 'duplicate' : 'stored';
  } catch (error) {
    if (error instanceof OlympusError) throw error;
    if (
      error instanceof JetStreamApiError &&
      error.code === LIMIT_REACHED &&
      error.message.includes('per subject')
    ) {
      return 'duplicate';
    }
    throw new OlympusError('bus_unavailable', `publish on ${message.subject} failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
