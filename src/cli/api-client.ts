import { z } from 'zod';
import {
  AgentView,
  ApiError,
  AuditVerdict,
  AuditView,
  DeadLetterSummary,
  DeadLetterView,
  HealthView,
  type LetterFilter,
  MissionView,
  type NewTask,
  type TaskDecision,
  TaskDetail,
  TaskView,
  WhyView,
  type WorkflowStart,
  WorkflowView,
} from '#core/api.ts';
import { type Answer, ApprovalView, type Approve, type Deny } from '#core/api-approvals.ts';
import { StopView } from '#core/api-stop.ts';
import type { ApprovalState } from '#core/approval-states.ts';
import { ArtifactRef } from '#core/artifact.ts';
import type { TaskState } from '#core/task-states.ts';
import type { Clock } from '#lib/clock.ts';
import { ApiTransport } from './api-transport.ts';
import { CliError } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { eventsOf } from './event-stream.ts';

/** The most tasks the API lists at once. */
export const TASK_LIMIT = 500;
/** The same for approvals and questions. */
export const APPROVAL_LIMIT = 500;

/** How long a control plane that is followed may be away, and how often it is looked for. */
const BACK_WITHIN_MS = 30_000;
const LOOK_AGAIN_MS = 500;

export interface TaskFilter {
  readonly agent?: string | undefined;
  readonly state?: TaskState | undefined;
  /** Only those that have not ended, or only those that have. */
  readonly open?: boolean | undefined;
  /** Only those older than the task of this id. */
  readonly before?: string | undefined;
  readonly limit?: number | undefined;
}

export interface HealthAnswer {
  readonly health: HealthView;
  /** How far the clock of the control plane is ahead of ours, give or take a second; absent if it did not say. */
  readonly clockAheadMs?: number;
  readonly tookMs: number;
}

/** The HTTP API of the control plane. Every failure is a CliError with a sentence that says what to do. */
export class ApiClient {
  readonly #transport: ApiTransport;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;

  constructor({ settings, clock, signal }: Pick<CliContext, 'settings' | 'clock' | 'signal'>) {
    this.#transport = new ApiTransport({ settings, signal });
    this.#clock = clock;
    this.#signal = signal;
  }

  get url(): string {
    return this.#transport.url;
  }

  /** Needs no token. A control plane that is not well answers all the same. */
  async health(): Promise<HealthAnswer> {
    const startedAt = this.#clock.now();
    const answer = await this.#transport.get('/healthz');
    const endedAt = this.#clock.now();
    const health = this.#transport.parse('/healthz', HealthView, answer.body);
    const tookMs = endedAt - startedAt;
    if (Number.isNaN(answer.date)) return { health, tookMs };
    // The header names the second that had begun: half of one is right on average.
    return { health, tookMs, clockAheadMs: answer.date + 500 - (startedAt + tookMs / 2) };
  }

  async agents(): Promise<AgentView[]> {
    return (await this.#transport.read('/v1/agents', z.object({ agents: z.array(AgentView) }))).agents;
  }

  agent(name: string): Promise<AgentView> {
    return this.#transport.read(`/v1/agents/${encodeURIComponent(name)}`, AgentView);
  }

  /** Has it get no new work, or get work again. */
  setDuty(name: string, verb: 'drain' | 'resume', decision: TaskDecision): Promise<AgentView> {
    return this.#transport.write(`/v1/agents/${encodeURIComponent(name)}/${verb}`, AgentView, decision);
  }

  /** Ends every run of the fleet, and has no agent get new work. */
  stopAll(decision: TaskDecision): Promise<StopView> {
    return this.#transport.write('/v1/stop', StopView, decision);
  }

  /** Newest first. */
  async tasks(filter: TaskFilter = {}): Promise<TaskView[]> {
    return (
      await this.#transport.read(`/v1/tasks?${queryOf(filter)}`, z.object({ tasks: z.array(TaskView) }))
    ).tasks;
  }

  /** Undefined when there is no task of this id. */
  async task(id: string): Promise<TaskDetail | undefined> {
    const route = `/v1/tasks/${encodeURIComponent(id)}`;
    const answer = await this.#transport.get(route);
    const refusal = ApiError.safeParse(answer.body);
    if (answer.status === 404 && refusal.success && refusal.data.code === 'unknown_task') return undefined;
    return this.#transport.accept(route, TaskDetail, answer);
  }

  /** Newest first. */
  /** Newest first. */
  async deadLetters({ limit, stream, author, before }: LetterFilter): Promise<DeadLetterSummary[]> {
    const query = new URLSearchParams({
      limit: String(limit),
      ...(stream ? { stream } : {}),
      ...(author ? { author } : {}),
      ...(before ? { before: String(before) } : {}),
    });
    return (await this.#transport.read(`/v1/dlq?${query}`, z.object({ letters: z.array(DeadLetterSummary) })))
      .letters;
  }

  deadLetter(id: number): Promise<DeadLetterView> {
    return this.#transport.read(`/v1/dlq/${id}`, DeadLetterView);
  }

  /** Has it handled once more; answers the letter that was. */
  redrive(id: number, decision: TaskDecision): Promise<DeadLetterView> {
    return this.#transport.write(`/v1/dlq/${id}/redrive`, DeadLetterView, decision);
  }

  /** Newest first. */
  async audit(filter: { readonly limit: number; readonly before?: number }): Promise<AuditView[]> {
    const schema = z.object({ records: z.array(AuditView) });
    return (await this.#transport.read(`/v1/audit?${queryOf(filter)}`, schema)).records;
  }

  verifyAudit(head?: string): Promise<AuditVerdict> {
    return this.#transport.read(`/v1/audit/verify?${queryOf({ head })}`, AuditVerdict);
  }

  /**
   * Every change of a task from its first on, until the caller has enough. Goes on where it was when the connection is
   * cut; gives up when the control plane does not come back within half a minute. When its store is an older one by
   * then, it begins again with the first change.
   */
  async *follow(taskId: string): AsyncGenerator<AuditView> {
    let last = '0';
    for (;;) {
      await this.#untilAnswers();
      try {
        const body = await this.#transport.stream(`/v1/events?task=${encodeURIComponent(taskId)}`, last);
        if (!body) {
          if (!(await this.task(taskId))) throw forgotten(taskId);
          last = '0';
          continue;
        }
        for await (const { id, change } of eventsOf(body)) {
          last = id;
          yield change;
        }
      } catch (error) {
        if (this.#signal.aborted || error instanceof CliError) throw error;
      }
      await this.#clock.sleep(LOOK_AGAIN_MS, this.#signal);
    }
  }

  /** Newest first. */
  async approvals(filter: {
    readonly state?: ApprovalState;
    readonly limit?: number;
  }): Promise<ApprovalView[]> {
    const schema = z.object({ approvals: z.array(ApprovalView) });
    return (await this.#transport.read(`/v1/approvals?${queryOf(filter)}`, schema)).approvals;
  }

  approval(id: string): Promise<ApprovalView> {
    return this.#transport.read(`/v1/approvals/${encodeURIComponent(id)}`, ApprovalView);
  }

  approve(id: string, decision: Approve): Promise<ApprovalView> {
    return this.#transport.write(`/v1/approvals/${id}/approve`, ApprovalView, decision);
  }

  deny(id: string, decision: Deny): Promise<ApprovalView> {
    return this.#transport.write(`/v1/approvals/${id}/deny`, ApprovalView, decision);
  }

  answer(id: string, decision: Answer): Promise<ApprovalView> {
    return this.#transport.write(`/v1/approvals/${id}/answer`, ApprovalView, decision);
  }

  /** Keeps a text that is too long for a request; the same text twice is one artifact. */
  keepText(text: string, by: string): Promise<ArtifactRef> {
    return this.#transport.putText(`/v1/artifacts?${queryOf({ by })}`, ArtifactRef, text);
  }

  /** What was kept under this digest. */
  artifact(digest: string): Promise<Uint8Array> {
    return this.#transport.bytes(`/v1/artifacts/${digest}`);
  }

  taskWhy(id: string): Promise<WhyView> {
    return this.#transport.read(`/v1/tasks/${id}/why`, WhyView);
  }

  /** Answers the task, which may have been refused: its state says so. */
  createTask(task: NewTask): Promise<TaskView> {
    return this.#transport.write('/v1/tasks', TaskView, task);
  }

  cancelTask(id: string, decision: TaskDecision): Promise<TaskView> {
    return this.#transport.write(`/v1/tasks/${id}/cancel`, TaskView, decision);
  }

  /** Answers the task that is under way now: the same, or a new one. */
  retryTask(id: string, decision: TaskDecision): Promise<TaskView> {
    return this.#transport.write(`/v1/tasks/${id}/retry`, TaskView, decision);
  }

  /** With a sentence for each mistake in their files. */
  workflows(): Promise<{ workflows: WorkflowView[]; problems: string[] }> {
    const answer = z.object({ workflows: z.array(WorkflowView), problems: z.array(z.string()) });
    return this.#transport.read('/v1/workflows', answer);
  }

  /** Answers the tasks that were made, of which that of the lead may have been refused. */
  startWorkflow(name: string, start: WorkflowStart): Promise<MissionView> {
    return this.#transport.write(`/v1/workflows/${encodeURIComponent(name)}/start`, MissionView, start);
  }

  async #untilAnswers(): Promise<void> {
    const givenUpAt = this.#clock.now() + BACK_WITHIN_MS;
    for (;;) {
      try {
        await this.health();
        return;
      } catch (error) {
        if (this.#signal.aborted || this.#clock.now() >= givenUpAt) throw error;
        await this.#clock.sleep(LOOK_AGAIN_MS, this.#signal);
      }
    }
  }
}

function forgotten(taskId: string): CliError {
  return new CliError(
    `There is no task ${taskId} any more: the store of the control plane is an older one than before.`,
    'Ask for it again; `olympus task list` shows what there is.',
  );
}

function queryOf(filter: object): URLSearchParams {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  return new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]));
}
