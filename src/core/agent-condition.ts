import { z } from 'zod';

/** How one part of an agent is, as the API shows it. */
export const AgentCondition = z.object({
  name: z.string(),
  ready: z.boolean(),
  /** It has been like this for so long that somebody should look. */
  alarm: z.boolean().optional(),
  reason: z.string().optional(),
});
