import { authorOf } from '#core/subjects.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import { type AdmissionOptions, admissionHandler } from './admission.ts';
import { knightHandler } from './knights.ts';

/** Handles whatever asks for work: requests of agents, which name their author, and those by the older subject. */
export function requestHandler(options: AdmissionOptions): (message: BusMessage) => Promise<void> {
  const ofAgent = admissionHandler(options);
  const ofKnight = knightHandler(options);
  return (message) => (authorOf(message.subject) === undefined ? ofKnight(message) : ofAgent(message));
}
