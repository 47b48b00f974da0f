import { z } from 'zod';
import { defineMessage } from '../envelope.ts';

/**
 * Somebody changed the message by which they had asked, or deleted it: `<f>.requests.<author>.task-revise`. Done twice, it
 * changes nothing.
 */
export const TaskRevise = defineMessage({
  type: 'io.olympus.request.task-revise.v1',
  title: 'Revision of a request',
  data: z.looseObject({
    /** The key of the request, of the same author. */
    dedupKey: z.string().min(1).max(512),
    /** What it says now; absent for one that was deleted. */
    text: z.string().max(64_000).optional(),
  }),
});
export type TaskRevise = z.output<typeof TaskRevise.schema>;
