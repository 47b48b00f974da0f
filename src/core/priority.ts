import { z } from 'zod';
import { CONTROL_NAME } from './tokens.ts';

/** How urgent a task is: 0 before everything else, 1 high, 2 as usual, 3 when there is nothing else to do. */
export const Priority = z.int().min(0).max(3);
export type Priority = z.output<typeof Priority>;

const USUAL_PRIORITY = 2;

/** A task that has waited this long counts as one step more urgent, and so on: nothing waits for ever behind the urgent. */
export const AGEING_MS = 10 * 60_000;

/** The priority that a request has: what it asks for, but what an agent hands in never comes before everything else. */
export function grantedPriority(asked: Priority | undefined, author: string): Priority {
  const priority = asked ?? USUAL_PRIORITY;
  return author === CONTROL_NAME ? priority : Math.max(1, priority);
}
