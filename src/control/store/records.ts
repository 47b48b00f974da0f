import { z } from 'zod';
import { ArtifactRef } from '#core/artifact.ts';
import { Conversation } from '#core/conversation.ts';
import { TrustLabel } from '#core/envelope.ts';
import { failureCodes } from '#core/failures.ts';
import { Priority } from '#core/priority.ts';
import { taskStates } from '#core/task-states.ts';
import { Usage } from '#core/usage.ts';

/** JSON in a text column. */
export function json<T extends z.ZodType>(schema: T) {
  return z
    .string()
    .transform((text) => JSON.parse(text))
    .pipe(schema);
}

/** A column that may be NULL, which is undefined everywhere else. */
export const optional = <T extends z.ZodType>(schema: T) =>
  schema.nullable().transform((value) => value ?? undefined);

/** A row of `tasks`. Times are Unix milliseconds. */
export const TaskRecord = z
  .object({
    id: z.string(),
    dedup_key: z.string(),
    state: z.enum(taskStates),
    reason: optional(z.string()),
    agent: z.string(),
    domain: z.string(),
    text: z.string(),
    text_artifact: optional(json(ArtifactRef)),
    context: optional(z.string()),
    answer: optional(z.string()),
    answer_artifact: optional(json(ArtifactRef)),
    requester_id: z.string(),
    requester_name: z.string(),
    requester_kind: z.enum(['human', 'bot']),
    depth: z.number(),
    priority: Priority,
    trust: TrustLabel,
    least_trust: optional(TrustLabel),
    author: z.string(),
    parent_id: optional(z.string()),
    brought: optional(z.string()),
    conversation: optional(json(Conversation)),
    attempts: z.number(),
    epoch: z.number(),
    not_before: z.number(),
    deadline: z.number(),
    told_queued: z.number(),
    created_at: z.number(),
    updated_at: z.number(),
  })
  .transform((row) => ({
    id: row.id,
    dedupKey: row.dedup_key,
    state: row.state,
    reason: row.reason,
    agent: row.agent,
    domain: row.domain,
    text: row.text,
    textArtifact: row.text_artifact,
    context: row.context,
    answer: row.answer,
    answerArtifact: row.answer_artifact,
    requester: { id: row.requester_id, name: row.requester_name, kind: row.requester_kind },
    depth: row.depth,
    priority: row.priority,
    trust: row.trust,
    leastTrust: row.least_trust,
    author: row.author,
    parentId: row.parent_id,
    brought: row.brought,
    conversation: row.conversation,
    attempts: row.attempts,
    epoch: row.epoch,
    notBefore: row.not_before,
    deadline: row.deadline,
    toldQueued: row.told_queued === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }));
export type TaskRecord = z.output<typeof TaskRecord>;

/** A row of `runs`. */
export const RunRecord = z
  .object({
    id: z.string(),
    task_id: z.string(),
    agent: z.string(),
    attempt: z.number(),
    epoch: z.number(),
    state: z.enum(['released', 'claimed', 'running', 'completed', 'failed', 'parked', 'discarded']),
    failure: optional(z.enum(failureCodes)),
    failure_message: optional(z.string()),
    usage: optional(json(Usage.loose())),
    released_at: z.number(),
    started_at: optional(z.number()),
    finished_at: optional(z.number()),
    refused_at: optional(z.number()),
  })
  .transform((row) => ({
    id: row.id,
    taskId: row.task_id,
    agent: row.agent,
    attempt: row.attempt,
    epoch: row.epoch,
    state: row.state,
    failure: row.failure,
    failureMessage: row.failure_message,
    usage: row.usage,
    releasedAt: row.released_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    /** When it was told that what it asked is not put before people. */
    refusedAt: row.refused_at,
  }));
export type RunRecord = z.output<typeof RunRecord>;
