import { z } from 'zod';
import {
  AgentView,
  ApiError,
  AuditVerdict,
  AuditView,
  DeadLetterView,
  HealthView,
  type NewTask,
  type TaskDecision,
  TaskDetail,
  TaskView,
  WhyView,
} from '#core/api.ts';
import type { TaskState } from '#core/task-states.ts';
import type { Clock } from '#lib/clock.ts';
import { withDeadline } from '#lib/deadline.ts';
import { CliError, connectionReason } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { eventsOf } from './event-stream.ts';
import { type ApiSettings, apiSettings } from './settings.ts';
import { whereabouts } from './whereabouts.ts';

/** The most tasks the API lists at once. */
export const TASK_LIMIT = 500;

const TIMEOUT_MS = 10_000;
/** How long a control plane that is followed may be away, and how often it is looked for. */
const BACK_WITHIN_MS = 30_000;
const LOOK_AGAIN_MS = 500;

/** What to do about a refusal that is about the thing asked for, not about the control plane. */
const REMEDIES: ReadonlyMap<number, string> = new Map([
  [404, 'The list shows what there is.'],
  [409, 'Nothing was changed.'],
]);

export interface TaskFilter {
  readonly agent?: string | undefined;
  readonly state?: TaskState | undefined;
  readonly limit?: number | undefined;
}

export interface HealthAnswer {
  readonly health: HealthView;
  /** How far the clock of the control plane is ahead of ours, give or take a second; absent if it did not say. */
  readonly clockAheadMs?: number;
  readonly tookMs: number;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly date: number;
}

/** The HTTP API of the control plane. Every failure is a CliError with a sentence that says what to do. */
export class ApiClient {
  readonly #settings: ApiSettings;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #logs: string;

  constructor({ settings, clock, signal }: Pick<CliContext, 'settings' | 'clock' | 'signal'>) {
    this.#settings = apiSettings(settings);
    this.#clock = clock;
    this.#signal = signal;
    this.#logs = whereabouts(settings.stateDir).control;
  }

  get url(): string {
    return this.#settings.url;
  }

  /** Needs no token. A control plane that is not well answers all the same. */
  async health(): Promise<HealthAnswer> {
    const startedAt = this.#clock.now();
    const answer = await this.#get('/healthz');
    const endedAt = this.#clock.now();
    const health = this.#parse('/healthz', HealthView, answer.body);
    const tookMs = endedAt - startedAt;
    if (Number.isNaN(answer.date)) return { health, tookMs };
    // The header names the second that had begun: half of one is right on average.
    return { health, tookMs, clockAheadMs: answer.date + 500 - (startedAt + tookMs / 2) };
  }

  async agents(): Promise<AgentView[]> {
    return (await this.#read('/v1/agents', z.object({ agents: z.array(AgentView) }))).agents;
  }

  agent(name: string): Promise<AgentView> {
    return this.#read(`/v1/agents/${encodeURIComponent(name)}`, AgentView);
  }

  /** Newest first. */
  async tasks(filter: TaskFilter = {}): Promise<TaskView[]> {
    const given = Object.entries(filter).filter(([, value]) => value !== undefined);
    const query = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]));
    return (await this.#read(`/v1/tasks?${query}`, z.object({ tasks: z.array(TaskView) }))).tasks;
  }

  /** Undefined when there is no task of this id. */
  async task(id: string): Promise<TaskDetail | undefined> {
    const route = `/v1/tasks/${encodeURIComponent(id)}`;
    const answer = await this.#get(route);
    const refusal = ApiError.safeParse(answer.body);
    if (answer.status === 404 && refusal.success && refusal.data.code === 'unknown_task') return undefined;
    this.#refuse(route, answer);
    return this.#parse(route, TaskDetail, answer.body);
  }

  /** Newest first. */
  async deadLetters(limit: number): Promise<DeadLetterView[]> {
    return (await this.#read(`/v1/dlq?limit=${limit}`, z.object({ letters: z.array(DeadLetterView) })))
      .letters;
  }

  deadLetter(id: number): Promise<DeadLetterView> {
    return this.#read(`/v1/dlq/${id}`, DeadLetterView);
  }

  /** Has it handled once more; answers the letter that was. */
  redrive(id: number, decision: TaskDecision): Promise<DeadLetterView> {
    return this.#write(`/v1/dlq/${id}/redrive`, DeadLetterView, decision);
  }

  /** Newest first. */
  async audit(limit: number): Promise<AuditView[]> {
    return (await this.#read(`/v1/audit?limit=${limit}`, z.object({ records: z.array(AuditView) }))).records;
  }

  verifyAudit(): Promise<AuditVerdict> {
    return this.#read('/v1/audit/verify', AuditVerdict);
  }

  /**
   * Every change of a task from its first on, until the caller has enough. Goes on where it was when the connection is
   * cut; gives up when the control plane does not come back within half a minute.
   */
  async *follow(taskId: string): AsyncGenerator<AuditView> {
    const { url, token } = this.#settings;
    let last = '0';
    for (;;) {
      // Not `#call`: a stream has no end, so its answer has no deadline. What is asked first has one.
      await this.#untilAnswers();
      try {
        const response = await fetch(`${url}/v1/events?task=${encodeURIComponent(taskId)}`, {
          headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream', 'last-event-id': last },
          signal: this.#signal,
        });
        if (!response.ok || !response.body) {
          this.#refuse('/v1/events', {
            status: response.status,
            body: parseJson(await response.text()),
            date: 0,
          });
          throw this.#stranger('/v1/events');
        }
        for await (const { id, change } of eventsOf(response.body)) {
          last = id;
          yield change;
        }
      } catch (error) {
        if (this.#signal.aborted || error instanceof CliError) throw error;
      }
    }
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

  taskWhy(id: string): Promise<WhyView> {
    return this.#read(`/v1/tasks/${id}/why`, WhyView);
  }

  /** Answers the task, which may have been refused: its state says so. */
  createTask(task: NewTask): Promise<TaskView> {
    return this.#write('/v1/tasks', TaskView, task);
  }

  cancelTask(id: string, decision: TaskDecision): Promise<TaskView> {
    return this.#write(`/v1/tasks/${id}/cancel`, TaskView, decision);
  }

  /** Answers the task that is under way now: the same, or a new one. */
  retryTask(id: string, decision: TaskDecision): Promise<TaskView> {
    return this.#write(`/v1/tasks/${id}/retry`, TaskView, decision);
  }

  async #write<T extends z.ZodType>(route: string, schema: T, body: unknown): Promise<z.output<T>> {
    const answer = await this.#call('POST', route, body);
    this.#refuse(route, answer);
    return this.#parse(route, schema, answer.body);
  }

  async #read<T extends z.ZodType>(route: string, schema: T): Promise<z.output<T>> {
    const answer = await this.#get(route);
    this.#refuse(route, answer);
    return this.#parse(route, schema, answer.body);
  }

  #get(route: string): Promise<Answer> {
    return this.#call('GET', route);
  }

  async #call(method: 'GET' | 'POST', route: string, body?: unknown): Promise<Answer> {
    const { url, token } = this.#settings;
    try {
      return await withDeadline(`${method} ${route}`, TIMEOUT_MS, this.#signal, async (signal) => {
        const response = await fetch(`${url}${route}`, {
          method,
          headers: {
            authorization: `Bearer ${token}`,
            accept: 'application/json',
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          signal,
        });
        const text = await response.text();
        return {
          status: response.status,
          body: parseJson(text),
          date: Date.parse(response.headers.get('date') ?? ''),
        };
      });
    } catch (error) {
      this.#signal.throwIfAborted();
      throw new CliError(
        `The control plane does not answer at ${url}: ${connectionReason(error)}.`,
        `Is olympus-control running, and is OLYMPUS_API_URL right? Look at ${this.#logs}.`,
        { cause: error },
      );
    }
  }

  #refuse(route: string, { status, body }: Answer): void {
    if (status < 400) return;
    const { url } = this.#settings;
    const refusal = ApiError.safeParse(body);
    if (!refusal.success) throw this.#stranger(route);
    if (status === 401) {
      throw new CliError(
        `The control plane at ${url} does not accept the token (401).`,
        'Compare OLYMPUS_API_TOKEN with the token file of the control plane.',
      );
    }
    const remedy = REMEDIES.get(status);
    if (remedy) throw new CliError(`${capital(refusal.data.message)}.`, remedy);
    throw new CliError(
      `The control plane at ${url} refused ${pathOf(route)} (${status}): ${refusal.data.message}.`,
      `Look at ${this.#logs}.`,
    );
  }

  #parse<T extends z.ZodType>(route: string, schema: T, body: unknown): z.output<T> {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw this.#stranger(route);
  }

  #stranger(route: string): CliError {
    return new CliError(
      `${this.#settings.url} answered ${pathOf(route)} with something this version of Olympus does not understand.`,
      'Is OLYMPUS_API_URL the address of the control plane, and is that of the same version? `olympus --version` says ours.',
    );
  }
}

function pathOf(route: string): string {
  return route.split('?')[0] ?? route;
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
