import { OlympusError } from '#core/errors.ts';
import { gateFor } from '#core/policy.ts';
import { newId } from '#lib/id.ts';
import { deliver } from '../deliveries/deliver.ts';
import type { NewApproval } from '../store/approval-repository.ts';
import type { Actor } from '../store/audit-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';
import { endUnseen } from './step.ts';
import { askingText, doingText } from './texts.ts';

export type Opened = Pick<NewApproval, 'dedupKey' | 'hash' | 'asks' | 'summary' | 'runId'> & {
  readonly actor: Actor;
  readonly askedBy: string;
  /** How long people have; never beyond the deadline of the task. */
  readonly waitMs: number;
};

/** Writes down that people have to decide something for a task, and says so in its conversation. */
export async function openApproval(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  opened: Opened,
): Promise<void> {
  const approval = await writeDown(tx, context, task, opened);
  const card = context.cards?.cardOf(approval);
  await deliver(tx, context, task, { state: 'queued', text: askingText(approval, card !== undefined), card });
}

/** Writes down what the policies let an agent do at once, as something that is approved; with `tell`, the conversation hears of it. */
export async function openApproved(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  { level, ...opened }: Opened & { readonly level: 'tell' | 'do' },
): Promise<void> {
  const { id } = await writeDown(tx, context, task, opened);
  const approval = await tx.approvals.byId(id);
  if (!approval) throw new OlympusError('state_conflict', `approval ${id} vanished`);
  const why = `the policies let agents ${level === 'do' ? 'do it' : 'do it and tell'}`;
  const approved = await endUnseen(tx, context, approval, 'approve', { actor: 'control', why });
  if (level === 'tell') await deliver(tx, context, task, { state: 'queued', text: doingText(approved) });
}

async function writeDown(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  { actor, waitMs, ...asked }: Opened,
): Promise<NewApproval> {
  const now = context.now();
  const id = newId(now);
  const { policies } = context;
  const gate = policies && 'action' in asked.asks ? gateFor(policies, asked.asks.action) : undefined;
  const approval = {
    ...asked,
    id,
    taskId: task.id,
    createdAt: now,
    expiresAt: Math.min(now + Math.min(waitMs, gate?.within ?? waitMs), task.deadline),
    gate: gate && { name: gate.name, approvals: gate.approvals, approvers: gate.approvers },
  };
  await tx.approvals.insert(approval);
  await record(tx, context, {
    who: actor,
    what: 'ask',
    entity: 'approval',
    entityId: id,
    state: 'pending',
    why: asked.summary,
    agent: task.agent,
  });
  return approval;
}
