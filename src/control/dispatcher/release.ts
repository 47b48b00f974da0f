import { sessionKeyOf } from '#core/conversation.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { newId } from '#lib/id.ts';
import { type Resumption, resumptionOf } from '../approvals/resumption.ts';
import type { AgentRecord } from '../store/agent-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';
import { inputOf } from '../tasks/input.ts';
import { isPiece } from '../tasks/pieces.ts';

/**
 * Releases to one agent what is due, in the caller's transaction, and returns that: never more at once than the agent takes. This is where
 * runs are minted, and nowhere else. Done a second time there is nothing left to release.
 */
export async function releaseDue(
  tx: Repositories,
  context: ControlContext,
  name: string,
): Promise<TaskRecord[]> {
  // As it is in this transaction: it may have been drained a moment ago.
  const agent = await tx.agents.byName(name);
  const free = agent ? await freePlaces(tx, agent) : 0;
  if (!agent || free === 0) return [];
  const released: TaskRecord[] = [];
  for (const id of await tx.tasks.due(agent.name, context.now(), free)) {
    const task = await tx.tasks.byId(id);
    if (task) released.push(await release(tx, context, task, agent));
  }
  return released;
}

/** How many more tasks the agent takes now; none while it is drained. */
export async function freePlaces(
  { tasks }: Repositories,
  { name, heartbeat, drain }: AgentRecord,
): Promise<number> {
  if (drain) return 0;
  return Math.max(0, heartbeat.limits.concurrency - (await tasks.inFlightOf(name)));
}

async function release(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  agent: AgentRecord,
): Promise<TaskRecord> {
  const fenced = await advanceTask(tx, context, task, 'release', {
    by: 'control',
    attempts: task.attempts + 1,
    epoch: task.epoch + 1,
    reason: `released to ${agent.name}`,
  });
  const at = context.now();
  const runId = newId(at);
  await tx.runs.insert({
    id: runId,
    taskId: task.id,
    agent: agent.name,
    attempt: fenced.attempts,
    epoch: fenced.epoch,
    releasedAt: at,
  });
  const resumed = await resumptionOf(tx, fenced);
  // A piece is worked at by itself, beside others of the same agent, and is shown nowhere.
  const conversation = (await isPiece(tx, task)) ? undefined : task.conversation;
  await tx.outbox.add({
    subject: context.subjects.task(task.domain, agent.name, runId),
    msgId: runId,
    body: JSON.stringify(dispatchOf(context, fenced, { runId, agent, resumed, conversation })),
  });
  return fenced;
}

function dispatchOf(
  context: ControlContext,
  task: TaskRecord,
  {
    runId,
    agent,
    resumed,
    conversation,
  }: {
    readonly runId: string;
    readonly agent: AgentRecord;
    readonly resumed: Resumption | undefined;
    readonly conversation: TaskRecord['conversation'];
  },
): unknown {
  const at = context.now();
  return TaskDispatch.create(
    {
      id: newId(at),
      source: `/fleets/${context.fleet}/control`,
      subject: `task/${task.id}/run/${runId}`,
      time: new Date(at).toISOString(),
      olympusdepth: task.depth,
      olympustrust: task.trust,
    },
    {
      taskId: task.id,
      runId,
      attempt: task.attempts,
      epoch: task.epoch,
      ...(resumed ? { resumeOf: resumed.resumeOf } : {}),
      agent: agent.name,
      domain: task.domain,
      deadline: new Date(task.deadline).toISOString(),
      startToCloseMs: agent.heartbeat.limits.runTimeoutMs,
      input: {
        text: resumed?.text ?? inputOf(task),
        requester: task.requester.name,
        // The session of a run that goes on has it already.
        ...(task.textArtifact && !resumed ? { isBeginning: true } : {}),
      },
      session: { key: sessionKeyOf({ taskId: task.id, conversation }) },
      // What it shows of its work it shows where it was asked; another may not be let in there.
      ...(conversation && task.author === agent.name ? { conversation } : {}),
    },
  );
}
