import { z } from 'zod';
import { ArtifactRef } from '../artifact.ts';
import { defineMessage } from '../envelope.ts';
import { failureCodes } from '../failures.ts';
import { Token } from '../tokens.ts';
import { Usage } from '../usage.ts';

/** A class of failures.ts; one that a newer agent knows and we do not is `internal`, so that its result still settles. */
const FailureClassName = z.enum(failureCodes).catch('internal');

/** How a run ended: `<f>.results.<domain>.<agent>.<taskId>`, message id `<runId>:result:<nonce>`. */
export const RunResult = defineMessage({
  type: 'io.olympus.run.result.v1',
  title: 'Result of a run',
  data: z.looseObject({
    taskId: Token,
    runId: Token,
    epoch: z.int().min(1),
    attempt: z.int().min(1),
    agent: Token,
    outcome: z.enum(['success', 'success_with_notes', 'revision_needed', 'blocked', 'failed', 'cancelled']),
    failure: z.looseObject({ class: FailureClassName, message: z.string() }).optional(),
    /** The answer, for the person who asked; only its beginning where `summaryArtifact` has the whole. */
    summary: z.string(),
    /** Where the whole answer is that does not fit into a message. */
    summaryArtifact: ArtifactRef.optional(),
    usage: Usage.loose(),
    sessionKey: z.string(),
    startedAt: z.iso.datetime(),
    finishedAt: z.iso.datetime(),
  }),
});
export type RunResult = z.output<typeof RunResult.schema>;
