import { z } from 'zod';
import { defineMessage } from '../envelope.ts';
import { taskStates } from '../task-states.ts';
import { Token } from '../tokens.ts';

/** How a task ended that came by `knight.<name>.task`: `knight.<name>.result`, once it has. */
export const KnightResult = defineMessage({
  type: 'io.olympus.knight.result.v1',
  title: 'Result for who asked by the older subject',
  data: z.looseObject({
    taskId: Token,
    knight: Token,
    /** The message id of the request, where it had one. */
    requestId: z.string().optional(),
    state: z.enum(taskStates),
    /** The answer, or why there is none. */
    text: z.string(),
  }),
});
export type KnightResult = z.output<typeof KnightResult.schema>;
