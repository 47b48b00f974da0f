import { z } from 'zod';
import { Token } from './tokens.ts';

/** The tasks that have to be completed before one is released. */
export const After = z.array(Token).max(32, 'name at most 32 tasks');

/** What becomes of a task when one that it comes after ends otherwise than completed: it fails too, or is done all the same. */
export const WhenItFails = z.enum(['fail', 'go-on']);
export type WhenItFails = z.output<typeof WhenItFails>;
