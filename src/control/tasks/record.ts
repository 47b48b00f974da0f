import { FleetEvent } from '#core/messages/event.ts';
import { newId } from '#lib/id.ts';
import type { Actor, AuditedEntity } from '../store/audit-repository.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from './advance.ts';

/** One change of one thing, as it is told. */
export interface Change {
  readonly entity: AuditedEntity;
  readonly id: string;
  readonly by: Actor;
  readonly event: string;
  /** The state of the thing after it. */
  readonly state: string;
  readonly reason: string | undefined;
  /** Whose work it is about, where that is an agent of ours. */
  readonly agent: string | undefined;
}

/** Writes a change into the audit and its event into the outbox, in the transaction that makes it. */
export async function recordChange(
  tx: Repositories,
  context: ControlContext,
  { entity, id, by, event, state, reason, agent }: Change,
): Promise<void> {
  const at = context.now();
  await tx.audit.add({ at, who: by, what: event, entity, entityId: id, state, why: reason });
  const eventId = newId(at);
  const fact = FleetEvent.create(
    {
      id: eventId,
      source: `/fleets/${context.fleet}/control`,
      subject: `${entity}/${id}`,
      time: new Date(at).toISOString(),
    },
    { entity, id, event, state, ...(agent ? { agent } : {}), ...(reason ? { reason } : {}) },
  );
  await tx.outbox.add({
    subject: context.subjects.event(entity, id, event),
    msgId: `event:${eventId}`,
    body: JSON.stringify(fact),
  });
}
