import { z } from 'zod';
import {
  AgentView,
  AuditVerdict,
  AuditView,
  DeadLetterSummary,
  DeadLetterView,
  DrainDecision,
  HealthView,
  MissionView,
  NewTask,
  Scheduled,
  ScheduleRequest,
  TaskDecision,
  TaskDetail,
  TaskView,
  WhyView,
  WorkflowStart,
  WorkflowView,
} from './api.ts';
import { Answer, ApprovalView, Approve, Deny } from './api-approvals.ts';
import {
  ApprovalQuery,
  ArtifactQuery,
  AuditQuery,
  EventQuery,
  LetterQuery,
  TaskQuery,
  VerifyQuery,
} from './api-queries.ts';
import { ARTIFACT_LIMIT, ArtifactRef } from './artifact.ts';
import type { Scope } from './scopes.ts';

/** One thing that the control plane's API can be asked. */
export interface ApiRoute {
  readonly method: 'get' | 'post' | 'put';
  /** `{…}` stands for a part of the path. */
  readonly path: string;
  readonly summary: string;
  /** Names of headers that it looks at, with what each means. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What may stand behind the question mark, each with what it means. */
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType | 'bytes';
  readonly answer: z.ZodType | 'bytes' | 'text' | 'server-sent events' | 'a redirect';
  /** Of the answer; 200 unless it says so. */
  readonly status?: number;
  /** Any one of them is enough. None: it is asked without a token. */
  readonly scopes: readonly Scope[];
}

const AgentList = z.object({ agents: z.array(AgentView) });
const TaskList = z.object({ tasks: z.array(TaskView) });

/** Everything the API can be asked. `docs/reference/openapi.json` is made of it. */
export const apiRoutes: readonly ApiRoute[] = [
  {
    method: 'get',
    path: '/healthz',
    summary: 'How each part of the control plane is',
    answer: HealthView,
    scopes: [],
  },
  {
    method: 'get',
    path: '/health',
    summary: 'The same, by the name that GuildNet has for it',
    answer: HealthView,
    scopes: [],
  },
  {
    method: 'get',
    path: '/metrics',
    summary: 'Numbers about the control plane, in the text format of Prometheus',
    answer: 'text',
    scopes: [],
  },
  {
    method: 'get',
    path: '/v1/openapi.json',
    summary: 'This description',
    answer: z.looseObject({ openapi: z.string() }),
    scopes: [],
  },
  {
    method: 'post',
    path: '/schedule',
    summary: 'Ask the fleet for a task. A refused one is answered 422, or 429 when it was asked too often',
    headers: { 'Idempotency-Key': 'the same key makes one task, however often it is sent' },
    body: ScheduleRequest,
    answer: Scheduled,
    status: 202,
    scopes: ['work'],
  },
  {
    method: 'get',
    path: '/tasks',
    summary: 'Leads to /v1/tasks',
    query: TaskQuery,
    answer: 'a redirect',
    status: 308,
    scopes: ['read'],
  },
  {
    method: 'get',
    path: '/agents',
    summary: 'Leads to /v1/agents',
    answer: 'a redirect',
    status: 308,
    scopes: ['read'],
  },
  {
    method: 'get',
    path: '/v1/agents',
    summary: 'Every agent that has ever sent a heartbeat',
    answer: AgentList,
    scopes: ['read'],
  },
  { method: 'get', path: '/v1/agents/{name}', summary: 'One agent', answer: AgentView, scopes: ['read'] },
  {
    method: 'post',
    path: '/v1/agents/{name}/drain',
    summary: 'Release nothing more to it; what it has it finishes',
    body: DrainDecision,
    answer: AgentView,
    scopes: ['operate'],
  },
  {
    method: 'post',
    path: '/v1/agents/{name}/resume',
    summary: 'Release work to it again',
    body: TaskDecision,
    answer: AgentView,
    scopes: ['operate'],
  },
  {
    method: 'get',
    path: '/v1/tasks',
    summary: 'Tasks, newest first',
    query: TaskQuery,
    answer: TaskList,
    scopes: ['read'],
  },
  {
    method: 'post',
    path: '/v1/tasks',
    summary: 'Ask for a task. A refused one is answered too, in state rejected with its reason',
    body: NewTask,
    answer: TaskView,
    status: 201,
    scopes: ['work'],
  },
  {
    method: 'get',
    path: '/v1/tasks/{id}',
    summary: 'One task: its history, runs and answer',
    answer: TaskDetail,
    scopes: ['read'],
  },
  {
    method: 'get',
    path: '/v1/tasks/{id}/why',
    summary: 'Why it is where it is, whose turn it is, and what happens next',
    answer: WhyView,
    scopes: ['read'],
  },
  {
    method: 'post',
    path: '/v1/tasks/{id}/cancel',
    summary: 'Have it end; 409 when it is over',
    body: TaskDecision,
    answer: TaskView,
    scopes: ['work'],
  },
  {
    method: 'post',
    path: '/v1/tasks/{id}/retry',
    summary: 'Try it again; answers the task that is under way now, which may be a new one',
    body: TaskDecision,
    answer: TaskView,
    scopes: ['work'],
  },
  {
    method: 'put',
    path: '/v1/artifacts',
    summary: `Keep a body that does not fit into a message, at most ${ARTIFACT_LIMIT} bytes; sent twice it is kept once, and answered 200`,
    headers: { 'Content-Digest': 'sha-256 of it (RFC 9530), which is then checked' },
    query: ArtifactQuery,
    body: 'bytes',
    answer: ArtifactRef,
    status: 201,
    scopes: ['agent', 'work'],
  },
  {
    method: 'get',
    path: '/v1/artifacts/{digest}',
    summary: 'What was kept under this digest; an agent sees what it brought itself',
    answer: 'bytes',
    scopes: ['read', 'agent'],
  },
  {
    method: 'get',
    path: '/v1/workflows',
    summary: 'What several agents can be asked at the same time, and what is wrong with the files',
    answer: z.object({ workflows: z.array(WorkflowView), problems: z.array(z.string()) }),
    scopes: ['read'],
  },
  {
    method: 'post',
    path: '/v1/workflows/{name}/start',
    summary: 'Ask them; answers the task of the lead, which comes after the others',
    body: WorkflowStart,
    answer: MissionView,
    status: 201,
    scopes: ['work'],
  },
  {
    method: 'get',
    path: '/v1/approvals',
    summary: 'What people have to decide, or have decided, newest first',
    query: ApprovalQuery,
    answer: z.object({ approvals: z.array(ApprovalView) }),
    scopes: ['read'],
  },
  {
    method: 'get',
    path: '/v1/approvals/{id}',
    summary: 'One of them: exactly what would be done, or what is asked',
    answer: ApprovalView,
    scopes: ['read'],
  },
  {
    method: 'post',
    path: '/v1/approvals/{id}/approve',
    summary: 'Approve the action of this hash; 409 with the reason when that cannot be',
    body: Approve,
    answer: ApprovalView,
    scopes: ['decide'],
  },
  {
    method: 'post',
    path: '/v1/approvals/{id}/deny',
    summary: 'Refuse it, or leave the question without an answer; 409 with the reason when that cannot be',
    body: Deny,
    answer: ApprovalView,
    scopes: ['decide'],
  },
  {
    method: 'post',
    path: '/v1/approvals/{id}/answer',
    summary: 'Answer the question; 409 with the reason when that cannot be',
    body: Answer,
    answer: ApprovalView,
    scopes: ['decide'],
  },
  {
    method: 'get',
    path: '/v1/events',
    summary: 'Every change as it happens; Last-Event-ID goes on after the change of that number',
    query: EventQuery,
    answer: 'server-sent events',
    scopes: ['read'],
  },
  {
    method: 'get',
    path: '/v1/audit',
    summary: 'Changes, newest first',
    query: AuditQuery,
    answer: z.object({ records: z.array(AuditView) }),
    scopes: ['read'],
  },
  {
    method: 'get',
    path: '/v1/audit/verify',
    summary: 'Whether the chain is whole',
    query: VerifyQuery,
    answer: AuditVerdict,
    scopes: ['read'],
  },
  {
    method: 'get',
    path: '/v1/dlq',
    summary: 'Messages that were given up, newest first',
    query: LetterQuery,
    answer: z.object({ letters: z.array(DeadLetterSummary) }),
    scopes: ['read'],
  },
  { method: 'get', path: '/v1/dlq/{id}', summary: 'One of them', answer: DeadLetterView, scopes: ['read'] },
  {
    method: 'post',
    path: '/v1/dlq/{id}/redrive',
    summary: 'Have it handled once more; 409 with the reason when that cannot be',
    body: TaskDecision,
    answer: DeadLetterView,
    scopes: ['operate'],
  },
];
