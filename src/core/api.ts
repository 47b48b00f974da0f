import { z } from 'zod';
import { AgentCondition } from './agent-condition.ts';
import { ArtifactDigest, ArtifactRef } from './artifact.ts';
import { Debounce } from './debounce.ts';
import { After, WhenItFails } from './dependencies.ts';
import { TrustLabel } from './envelope.ts';
import { failureCodes } from './failures.ts';
import { type DeadLetterReason, deadLetterReasons } from './messages/dead-letter.ts';
import { Priority } from './priority.ts';
import { streamNames } from './streams.ts';
import { taskStates } from './task-states.ts';
import { Token } from './tokens.ts';
import { Usage } from './usage.ts';

/** What the control plane's HTTP API answers; the CLI parses with the same schemas. */
export const TaskView = z.object({
  id: z.string(),
  agent: z.string(),
  domain: z.string(),
  state: z.enum(taskStates),
  summary: z.enum(['Requested', 'Claimed', 'InProgress', 'Completed', 'Failed']),
  text: z.string(),
  requester: z.string(),
  priority: Priority,
  /** How far what it asks is trusted. */
  trust: TrustLabel,
  reason: z.string().optional(),
  attempts: z.int(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  deadline: z.iso.datetime(),
  /** The task for which it was made. */
  parent: z.string().optional(),
  /** When one that waits may be released. */
  notBefore: z.iso.datetime().optional(),
});
export type TaskView = z.output<typeof TaskView>;

export const RunView = z.object({
  id: z.string(),
  attempt: z.int(),
  epoch: z.int(),
  agent: z.string(),
  state: z.string(),
  failure: z.enum(failureCodes).optional(),
  failureMessage: z.string().optional(),
  usage: Usage.optional(),
  releasedAt: z.iso.datetime(),
  startedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
});
export type RunView = z.output<typeof RunView>;

/** A task that another has to do with. */
const RelatedTask = z.object({
  id: z.string(),
  agent: z.string(),
  state: z.enum(taskStates),
  /** What it is called there: the step of a workflow. */
  label: z.string().optional(),
  reason: z.string().optional(),
});
export type RelatedTask = z.output<typeof RelatedTask>;

export const TaskDetail = TaskView.extend({
  /** Where the whole is of which `text` is the beginning. */
  textArtifact: ArtifactRef.optional(),
  /** What was said before it was asked, which its agent is given with the text. */
  context: z.string().optional(),
  /** The answer, or the beginning of one that `answerArtifact` has as a whole. */
  answer: z.string().optional(),
  answerArtifact: ArtifactRef.optional(),
  /** What it comes after: of each task the latest try. */
  after: z.array(RelatedTask).optional(),
  /** The tasks that were made for it. */
  children: z.array(RelatedTask).optional(),
  runs: z.array(RunView),
  history: z.array(
    z.object({
      at: z.iso.datetime(),
      who: z.string(),
      event: z.string(),
      state: z.string(),
      reason: z.string().optional(),
    }),
  ),
});
export type TaskDetail = z.output<typeof TaskDetail>;

/** Why a task is where it is. */
export const WhyView = z.object({
  id: z.string(),
  state: z.enum(taskStates),
  reason: z.string(),
  /** Whose turn it is. */
  owner: z.enum(['control', 'agent', 'requester', 'approver', 'operator', 'nobody']),
  /** What happens next by itself, or the command that the owner has. */
  next: z.string(),
});
export type WhyView = z.output<typeof WhyView>;

/** One change that was made: who did what, and why. */
export const AuditView = z.object({
  seq: z.int(),
  at: z.iso.datetime(),
  who: z.string(),
  what: z.string(),
  entity: z.string(),
  entityId: z.string(),
  state: z.string(),
  why: z.string().optional(),
  hash: z.string(),
});
export type AuditView = z.output<typeof AuditView>;

/** Whether every change still stands as it was written. */
export const AuditVerdict = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('whole'), records: z.int(), head: z.string() }),
  z.object({ kind: z.literal('broken'), seq: z.int(), sentence: z.string() }),
]);
export type AuditVerdict = z.output<typeof AuditVerdict>;

/**
 * Who acts, as they call themselves. A token with a name acts under that and needs nothing here; with the full token it
 * has to be said.
 */
/** Who acts, as they call themselves; a token with a name acts under that one. */
export const ActingName = z.string().min(1).max(128);

/** A request for a task through the API. */
export const NewTask = z.strictObject({
  agent: z.string().min(1).max(128),
  /** What is asked; not for one whose text is an artifact. */
  text: z.string().optional(),
  /** Instead of `text`, for one that is too long for a request: an artifact of text that the same person has brought. */
  textArtifact: ArtifactDigest.optional(),
  priority: Priority.optional(),
  by: ActingName.optional(),
  /** Asking twice with the same key makes one task. */
  dedupKey: z.string().min(1).max(512).optional(),
  /** The tasks that have to be completed first. */
  after: After.optional(),
  whenItFails: WhenItFails.optional(),
  debounce: Debounce.optional(),
});
export type NewTask = z.output<typeof NewTask>;

/** A task as GuildNet gives one: to a fleet, and where it does not matter, to nobody by name. */
export const ScheduleRequest = z.strictObject({
  /** The id of the fleet. */
  org: z.string(),
  /** What is to be done, or that with more about it. */
  task: z.union([
    z.string(),
    z.strictObject({
      text: z.string(),
      /** Without one it goes to an agent of the domain, else to the lead. */
      agent: z.string().min(1).max(128).optional(),
      domain: Token.optional(),
      priority: Priority.optional(),
    }),
  ]),
  by: ActingName.optional(),
});
export type ScheduleRequest = z.output<typeof ScheduleRequest>;

/** What became of it: it is written down, and here is where to look. */
export const Scheduled = z.object({
  id: z.string(),
  agent: z.string(),
  state: z.enum(taskStates),
  /** Where its state, its history and its answer are. */
  task: z.string(),
  /** Where every change of it is told as it happens (server-sent events). */
  events: z.string(),
});
export type Scheduled = z.output<typeof Scheduled>;

/** Who has something done to a task, an agent or a letter, and why. */
export const TaskDecision = z.strictObject({
  by: ActingName.optional(),
  why: z.string().max(1000).optional(),
});
export type TaskDecision = z.output<typeof TaskDecision>;

/** Who takes an agent out of the work, and why: whoever waits for it is told. */
export const DrainDecision = TaskDecision.extend({ why: z.string().min(1).max(1000) });
export type DrainDecision = z.output<typeof DrainDecision>;

export const AgentView = z.object({
  name: z.string(),
  role: z.string(),
  domains: z.array(z.string()),
  version: z.string(),
  phase: z.enum(['Ready', 'NotReady', 'Silent']),
  conditions: z.array(AgentCondition),
  runs: z.int(),
  concurrency: z.int(),
  lastSeenAt: z.iso.datetime(),
  /** There while it gets no new work: since when, by whom and why; `drained` once nothing is under way any more. */
  drain: z
    .object({
      state: z.enum(['draining', 'drained']),
      by: z.string(),
      why: z.string().optional(),
      since: z.iso.datetime(),
    })
    .optional(),
});
export type AgentView = z.output<typeof AgentView>;

/** What several agents can be asked at the same time. */
export const WorkflowView = z.object({
  name: z.string(),
  lead: z.string(),
  steps: z.array(z.object({ id: z.string(), domain: z.string().optional(), agent: z.string().optional() })),
  deadlineMs: z.int(),
  /** How many of the steps are enough. */
  need: z.int(),
});
export type WorkflowView = z.output<typeof WorkflowView>;

export const WorkflowStart = z.strictObject({
  by: ActingName.optional(),
  /** Asking twice with the same key starts it once. */
  dedupKey: z.string().min(1).max(512).optional(),
});
export type WorkflowStart = z.output<typeof WorkflowStart>;

/** A workflow that was started. */
export const MissionView = z.object({
  id: z.string(),
  workflow: z.string(),
  /** That of the lead: its answer is that of the workflow. */
  task: TaskView,
  children: z.array(RelatedTask),
});
export type MissionView = z.output<typeof MissionView>;

export const HealthView = z.object({
  status: z.enum(['ok', 'degraded']),
  version: z.string(),
  parts: z.array(
    z.object({ name: z.string(), live: z.boolean(), ready: z.boolean(), reason: z.string().optional() }),
  ),
});
export type HealthView = z.output<typeof HealthView>;

/** A message that was given up. */
export const DeadLetterView = z.object({
  id: z.int().positive(),
  at: z.iso.datetime(),
  reason: z.enum(Object.keys(deadLetterReasons) as [DeadLetterReason, ...DeadLetterReason[]]),
  detail: z.string().optional(),
  stream: z.string(),
  /** Its place there, unless it is gone; with the stream, how the audit calls the letter. */
  seq: z.int().positive().optional(),
  subject: z.string(),
  deliveries: z.int(),
  /** What was kept of it, in base64. */
  body: z.string(),
  /** How long it was. */
  bodyBytes: z.int(),
});
export type DeadLetterView = z.output<typeof DeadLetterView>;

/** The same without what was in it, as a list shows it. */
export const DeadLetterSummary = DeadLetterView.omit({ body: true });
export type DeadLetterSummary = z.output<typeof DeadLetterSummary>;

/** The streams of which there are letters, by the words that people write for them. */
export const letterStreams = {
  requests: streamNames.requests,
  tasks: streamNames.tasks,
  deliveries: streamNames.deliveries,
  results: streamNames.results,
  runlog: streamNames.runlog,
  heartbeat: streamNames.heartbeat,
} as const;
export const LetterStream = z.enum(
  Object.keys(letterStreams) as [keyof typeof letterStreams, ...(keyof typeof letterStreams)[]],
);
export type LetterStream = z.output<typeof LetterStream>;

/** Which dead letters are asked for: those before the letter `before`, newest first. */
export interface LetterFilter {
  readonly limit: number;
  readonly stream?: LetterStream | undefined;
  readonly author?: string | undefined;
  readonly before?: number | undefined;
}

/** Every refusal of the API: what is wrong and what to do, in a sentence. */
export const ApiError = z.object({ code: z.string(), message: z.string() });
export type ApiError = z.output<typeof ApiError>;
