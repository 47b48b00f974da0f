import { z } from 'zod';
import { defineMessage } from '../envelope.ts';

/** Why a message was given up, and what an operator can do. docs/reference/errors.md is generated from this table. */
export const deadLetterReasons = {
  message_invalid: {
    cause: 'The message does not match its schema.',
    remedy: 'Compare the versions of the agent and the control plane; redrive it after the upgrade.',
  },
  unknown_type: {
    cause: 'The message is of a type that this version does not know.',
    remedy: 'Upgrade the process that reads it, then redrive it.',
  },
  max_deliveries: {
    cause: 'The message was delivered as often as it may be, and never acknowledged.',
    remedy: 'Look at the log of olympusd on that agent; redrive it when the cause is gone.',
  },
  vanished: {
    cause:
      'The message left the work queue, and its agent neither took the work up nor says that it is at it.',
    remedy:
      'Look at the log of olympusd on that agent: something there ended the message, or it was removed by hand; redrive it when the cause is gone.',
  },
} as const satisfies Record<string, { cause: string; remedy: string }>;

export type DeadLetterReason = keyof typeof deadLetterReasons;

const reasons = Object.keys(deadLetterReasons) as [DeadLetterReason, ...DeadLetterReason[]];

/** The most of a message's body that a letter keeps, in bytes: the letter itself has to fit into a message. */
export const DEAD_LETTER_BODY_LIMIT = 512 * 1024;

/** A message that could not be handled, kept for a person: `<f>.dlq.<stream>.<author>`. */
export const DeadLetter = defineMessage({
  type: 'io.olympus.dead-letter.v1',
  title: 'Dead letter',
  data: z.looseObject({
    reason: z.enum(reasons),
    /** What was wrong, in the words of who gave it up. */
    detail: z.string().optional(),
    stream: z.string(),
    /** Its place in the stream; left out where the message is gone and only its subject is known. */
    seq: z.int().positive().optional(),
    subject: z.string(),
    deliveries: z.int().nonnegative(),
    /** The first `DEAD_LETTER_BODY_LIMIT` bytes of the body, in base64. */
    body: z.base64(),
    bodyBytes: z.int().nonnegative(),
  }),
});
export type DeadLetter = z.output<typeof DeadLetter.schema>;
