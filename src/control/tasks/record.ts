import { FleetEvent } from '#core/messages/event.ts';
import { newId } from '#lib/id.ts';
import type { AuditEntry } from '../store/audit-repository.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from './advance.ts';

/** Puts a change on record in the caller's transaction: in the audit, and as an event for the bus. */
export async function record(
  tx: Repositories,
  context: ControlContext,
  change: Omit<AuditEntry, 'at' | 'entity'> & {
    readonly entity: 'task' | 'approval' | 'agent';
    /** Whom it is about, where everybody may know that. */
    readonly agent: string | undefined;
  },
): Promise<void> {
  const { agent, ...entry } = change;
  const { entity, entityId, what, state, why } = entry;
  const at = context.now();
  await tx.audit.add({ ...entry, at });
  const id = newId(at);
  const fact = FleetEvent.create(
    {
      id,
      source: `/fleets/${context.fleet}/control`,
      subject: `${entity}/${entityId}`,
      time: new Date(at).toISOString(),
    },
    {
      entity,
      id: entityId,
      event: what,
      state,
      ...(agent ? { agent } : {}),
      ...(why ? { reason: why } : {}),
    },
  );
  await tx.outbox.add({
    subject: context.subjects.event(entity, entityId, what),
    msgId: `event:${id}`,
    body: JSON.stringify(fact),
  });
}
