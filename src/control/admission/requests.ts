import { authorOf } from '#core/subjects.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import { type NamedWorkflows, workflowByName } from '../workflow/by-name.ts';
import { type AdmissionOptions, admissionHandler } from './admission.ts';
import { knightHandler } from './knights.ts';

/**
 * Handles whatever asks for work: requests of agents, which name their author, and those by the older subject.
 * A person can ask an agent for one of these workflows by its name.
 */
export function requestHandler(
  options: AdmissionOptions,
  workflows: NamedWorkflows,
): (message: BusMessage) => Promise<void> {
  const ofAgent = admissionHandler(options, workflowByName(options, workflows));
  const ofKnight = knightHandler(options);
  return (message) => (authorOf(message.subject) === undefined ? ofKnight(message) : ofAgent(message));
}
