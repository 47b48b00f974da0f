import { z } from 'zod';

/** The longest that a request may wait for a later one of its key. */
export const DEBOUNCE_WINDOW_LIMIT_MS = 3600 * 1000;

/** However many come, the first is never held for longer than this many windows. */
export const DEBOUNCE_WINDOWS = 10;

/**
 * Has a request wait in case a later one of the same author, agent and key comes: then there is one task, with the words
 * of the last. What comes from outside is never held or taken in: people approve it word for word.
 */
export const Debounce = z.strictObject({
  key: z.string().min(1).max(256),
  windowMs: z.int().min(1).max(DEBOUNCE_WINDOW_LIMIT_MS, 'wait at most an hour: 3600000'),
});
export type Debounce = z.output<typeof Debounce>;
