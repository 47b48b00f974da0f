import { z } from 'zod';

/** What an emergency stop has come to. */
export const StopView = z.object({
  /** How many runs are being ended. */
  runs: z.int(),
  /** Who gets no new work from now on. */
  agents: z.array(z.string()),
});
export type StopView = z.output<typeof StopView>;
