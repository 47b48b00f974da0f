import { z } from 'zod';
import { Question } from '../action.ts';
import { defineMessage } from '../envelope.ts';
import { asksDecision } from './approval-request.ts';

/** An agent asks a person something it has to know to go on: `<f>.requests.<agent>.question`. */
export const QuestionRequest = defineMessage({
  type: 'io.olympus.request.question.v1',
  title: 'Request for an answer',
  data: z.looseObject({ ...asksDecision, question: Question }),
});
export type QuestionRequest = z.output<typeof QuestionRequest.schema>;
