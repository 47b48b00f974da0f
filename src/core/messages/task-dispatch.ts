import { z } from 'zod';
import { Conversation } from '../conversation.ts';
import { defineMessage } from '../envelope.ts';
import { Token } from '../tokens.ts';

/** Released work for one named agent: `<f>.tasks.<domain>.<agent>.<runId>`. `runId` + `epoch` is the fencing token. */
export const TaskDispatch = defineMessage({
  type: 'io.olympus.task.dispatch.v1',
  title: 'Released run of a task',
  data: z.looseObject({
    taskId: Token,
    runId: Token,
    attempt: z.int().min(1),
    epoch: z.int().min(1),
    /** The run that was parked, and goes on in this one: the input says what was decided. */
    resumeOf: Token.optional(),
    agent: Token,
    domain: Token,
    deadline: z.iso.datetime(),
    /** Start-to-close limit in milliseconds. */
    startToCloseMs: z.int().positive(),
    input: z.looseObject({
      text: z.string(),
      requester: z.string(),
      /** There where `text` is the beginning of a text that control's API has whole, at `/v1/runs/<runId>/input`. */
      isBeginning: z.boolean().optional(),
    }),
    session: z.looseObject({ key: z.string().min(1) }),
    /** Where it was asked, when this agent is the one that speaks there. */
    conversation: Conversation.optional(),
  }),
});
export type TaskDispatch = z.output<typeof TaskDispatch.schema>;
