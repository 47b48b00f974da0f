import { FleetEvent } from '#core/messages/event.ts';
import { newId } from '#lib/id.ts';
import type { AuditEntry } from '../store/audit-repository.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from './advance.ts';

/** A change of what all may hear of. */
type ToldChange = Omit<AuditEntry, 'at'> & {
  readonly entity: 'task' | 'approval' | 'agent';
  /** Whom it is about, where everybody may know that. */
  readonly agent: string | undefined;
};
/** A change that is on record only. */
type QuietChange = Omit<AuditEntry, 'at'> & { readonly entity: 'run' | 'artifact' | 'mission' | 'letter' };

/** Puts a change on record in the caller's transaction: in the audit and, where all may hear of it, as an event for the bus. */
export async function record(
  tx: Repositories,
  context: ControlContext,
  change: ToldChange | QuietChange,
): Promise<void> {
  const at = context.now();
  await tx.audit.add({ ...change, at });
  if ('agent' in change) await tell(tx, context, change, at);
}

async function tell(
  tx: Repositories,
  { fleet, subjects }: ControlContext,
  { entity, entityId, what, state, why, agent }: ToldChange,
  at: number,
): Promise<void> {
  const id = newId(at);
  const fact = FleetEvent.create(
    {
      id,
      source: `/fleets/${fleet}/control`,
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
    subject: subjects.event(entity, entityId, what),
    msgId: `event:${id}`,
    body: JSON.stringify(fact),
  });
}
