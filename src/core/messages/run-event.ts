import { z } from 'zod';
import { defineMessage } from '../envelope.ts';
import { Token } from '../tokens.ts';
import { Usage } from '../usage.ts';

export const runEventKinds = [
  'claimed',
  'started',
  'tool',
  'stuck',
  'unstopped',
  'discarded',
  'parked',
  /** Nobody has to decide any more on what the run has asked under the key that `detail` is. */
  'forgot',
  /** Something was written to GitHub for it. */
  'wrote',
] as const;

/** What happens to a run, as it happens: `<f>.runs.<agent>.<runId>.<event>`. */
export const RunEventMessage = defineMessage({
  type: 'io.olympus.run.event.v1',
  title: 'Event of a run',
  data: z.looseObject({
    taskId: Token,
    runId: Token,
    epoch: z.int().min(1),
    agent: Token,
    /** One of `runEventKinds`, or one that a newer agent knows. */
    event: Token,
    detail: z.string().max(1024).optional(),
    /** What a parked run has used: it has no result that could say so. */
    usage: Usage.loose().optional(),
  }),
});
export type RunEventMessage = z.output<typeof RunEventMessage.schema>;
