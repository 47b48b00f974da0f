import { z } from 'zod';

/** What a run consumed. Tokens are counts over all model calls; cost is in millionths of the currency unit. */
export const Usage = z.strictObject({
  inputTokens: z.int().nonnegative(),
  outputTokens: z.int().nonnegative(),
  cacheReadTokens: z.int().nonnegative(),
  cacheWriteTokens: z.int().nonnegative(),
  costMicros: z.int().nonnegative(),
  modelCalls: z.int().nonnegative(),
  model: z.string().optional(),
});
export type Usage = z.output<typeof Usage>;

/** What two have used together; the model is that of the later one. */
export function addUsage(one: Usage, later: Usage): Usage {
  const model = later.model ?? one.model;
  return {
    inputTokens: one.inputTokens + later.inputTokens,
    outputTokens: one.outputTokens + later.outputTokens,
    cacheReadTokens: one.cacheReadTokens + later.cacheReadTokens,
    cacheWriteTokens: one.cacheWriteTokens + later.cacheWriteTokens,
    costMicros: one.costMicros + later.costMicros,
    modelCalls: one.modelCalls + later.modelCalls,
    ...(model ? { model } : {}),
  };
}

export const noUsage: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  costMicros: 0,
  modelCalls: 0,
};
