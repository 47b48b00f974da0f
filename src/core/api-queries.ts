import { z } from 'zod';
import { ActingName, LetterStream } from './api.ts';
import { approvalStates } from './approval-states.ts';
import { taskStates } from './task-states.ts';
import { Token } from './tokens.ts';

const limit = z.coerce.number().int().min(1).max(500).default(50).describe('at most this many');
const change = z.coerce.number().int();

/** Which tasks are listed. */
export const TaskQuery = z.strictObject({
  agent: z.string().optional().describe('only those of this agent'),
  state: z.enum(taskStates).optional().describe('only those in this state'),
  open: z
    .stringbool({ truthy: ['true'], falsy: ['false'] })
    .meta({ enum: ['true', 'false'] })
    .optional()
    .describe('true: only those that have not ended; false: only those that have'),
  before: z
    .string()
    .optional()
    .describe('only those older than the task of this id: the last of a list leads to the next'),
  limit,
});

/** Which approvals and questions are listed. */
export const ApprovalQuery = z.strictObject({
  state: z.enum(approvalStates).optional().describe('only those in this state'),
  limit,
});

/** Which changes are listed. */
export const AuditQuery = z.strictObject({
  before: change.min(1).optional().describe('only those before the change of this number'),
  limit,
});

/** What the chain of changes is compared with. */
export const VerifyQuery = z.strictObject({
  head: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .describe('a head that was noted before, which has to be in it'),
});

/** Which dead letters are listed. */
export const LetterQuery = z.strictObject({
  stream: LetterStream.optional().describe('only what was in this stream'),
  author: Token.optional().describe('only what this agent sent, or did not bring to an end'),
  before: change.min(1).optional().describe('only letters with a lower id: the last one of the page before'),
  limit,
});

/** Which changes are told as they happen. */
export const EventQuery = z.strictObject({
  task: z.string().optional().describe('only what happens to this task'),
  after: change
    .min(0)
    .optional()
    .describe('from after the change of this number on; by default, what happens from now on'),
});

/** Who brings an artifact. */
export const ArtifactQuery = z.strictObject({
  by: ActingName.optional().describe('who brings it, with the full token'),
});
