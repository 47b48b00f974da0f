import type { RelatedTask, RunView, TaskDetail, TaskView } from '#core/api.ts';
import { publicState, type TaskState } from '#core/task-states.ts';
import { Usage } from '#core/usage.ts';
import type { AuditRecord } from '../store/audit-repository.ts';
import type { Wait } from '../store/dependency-repository.ts';
import type { RunRecord, TaskRecord } from '../store/records.ts';

const WAITING: readonly TaskState[] = ['queued', 'blocked'];
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
    trust: task.trust,
    ...(task.reason ? { reason: task.reason } : {}),
    attempts: task.attempts,
    createdAt: iso(task.createdAt),
    updatedAt: iso(task.updatedAt),
    deadline: iso(task.deadline),
    ...(task.parentId ? { parent: task.parentId } : {}),
    ...(WAITING.includes(task.state) ? { notBefore: iso(task.notBefore) } : {}),
  };
}

/** What is shown of a task beside what is in its row. */
export interface Around {
  readonly runs: readonly RunRecord[];
  readonly changes: readonly AuditRecord[];
  readonly wait: Wait | undefined;
  /** The latest tries of what it comes after, in the order of `wait`. */
  readonly after: readonly TaskRecord[];
  readonly children: readonly TaskRecord[];
}

/** A task with all that happened to it. */
export function taskDetail(task: TaskRecord, { runs, changes, wait, after, children }: Around): TaskDetail {
  const labels = new Map(wait?.after.map(({ id, label }) => [id, label]));
  const afterViews = after.map((each, index) => relatedTask(each, wait?.after[index]?.label));
  return {
    ...taskView(task),
    ...(task.textArtifact ? { textArtifact: task.textArtifact } : {}),
    ...(task.context ? { context: task.context } : {}),
    ...(task.answer === undefined ? {} : { answer: task.answer }),
    ...(task.answerArtifact ? { answerArtifact: task.answerArtifact } : {}),
    ...(after.length > 0 ? { after: afterViews } : {}),
    ...(children.length > 0
      ? { children: children.map((child) => relatedTask(child, labels.get(child.id))) }
      : {}),
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

/** A task as another one shows it. */
export function relatedTask({ id, agent, state, reason }: TaskRecord, label?: string): RelatedTask {
  return { id, agent, state, ...(label ? { label } : {}), ...(reason ? { reason } : {}) };
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
