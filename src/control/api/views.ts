import type { RunView, TaskDetail, TaskView } from '#core/api.ts';
import { publicState } from '#core/task-states.ts';
import { Usage } from '#core/usage.ts';
import type { AuditRecord } from '../store/audit-repository.ts';
import type { RunRecord, TaskRecord } from '../store/records.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

/** A task as a list shows it. */
export function taskView(task: TaskRecord): TaskView {
  return {
    id: task.id,
    agent: task.agent,
    domain: task.domain,
    state: task.state,
    summary: publicState(task.state),
    text: task.text,
    requester: task.requester.name,
    priority: task.priority,
    ...(task.reason ? { reason: task.reason } : {}),
    attempts: task.attempts,
    createdAt: iso(task.createdAt),
    updatedAt: iso(task.updatedAt),
    deadline: iso(task.deadline),
  };
}

/** A task with all that happened to it. */
export function taskDetail(
  task: TaskRecord,
  runs: readonly RunRecord[],
  changes: readonly AuditRecord[],
): TaskDetail {
  return {
    ...taskView(task),
    ...(task.answer === undefined ? {} : { answer: task.answer }),
    ...(task.answerArtifact ? { answerArtifact: task.answerArtifact } : {}),
    runs: runs.map(runView),
    history: changes.map(({ at, who, what, state, why }) => ({
      at: iso(at),
      who,
      event: what,
      state,
      ...(why ? { reason: why } : {}),
    })),
  };
}

function runView(run: RunRecord): RunView {
  return {
    id: run.id,
    attempt: run.attempt,
    epoch: run.epoch,
    agent: run.agent,
    state: run.state,
    ...(run.failure ? { failure: run.failure } : {}),
    ...(run.failureMessage ? { failureMessage: run.failureMessage } : {}),
    ...(run.usage ? { usage: Usage.strip().parse(run.usage) } : {}),
    releasedAt: iso(run.releasedAt),
    ...(run.startedAt ? { startedAt: iso(run.startedAt) } : {}),
    ...(run.finishedAt ? { finishedAt: iso(run.finishedAt) } : {}),
  };
}
