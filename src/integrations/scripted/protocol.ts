import { z } from 'zod';
import { failureCodes } from '#core/failures.ts';

/** How a turn stands, as the script tells it. Source: `src/standins/harness/readme.md`. */
export const ScriptedTurn = z.object({
  /** What the turn has done so far: the names of its tools, in order. */
  tools: z.array(z.string()),
  state: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('running') }),
    z.object({ kind: z.literal('answered'), text: z.string() }),
    z.object({
      kind: z.literal('failed'),
      failure: z.enum(failureCodes).catch('internal'),
      message: z.string(),
    }),
  ]),
});
export type ScriptedTurn = z.output<typeof ScriptedTurn>;
