import { errorCodes } from '../../src/core/errors.ts';
import { failureClasses } from '../../src/core/failures.ts';
import { deadLetterReasons } from '../../src/core/messages/dead-letter.ts';
import { rejections } from '../../src/core/rejections.ts';
import { code, page, table } from './markdown.ts';

/** What can go wrong: failures of runs, refusals of requests, errors of processes. */
export function renderErrors(): string {
  return page(
    'What can go wrong',
    [
      'src/core/failures.ts',
      'src/core/rejections.ts',
      'src/core/messages/dead-letter.ts',
      'src/core/errors.ts',
    ],
    [
      `## Why a run fails

The class stands in \`olympus task show\`, in the run's row in \`control.sqlite\` and in the result on the bus. The person is told
"I could not finish this: <sentence>." A class with more than one attempt is tried again after a wait that is
random between 0 and the back-off, which doubles with every attempt.`,
      table(
        ['class', 'what happened', 'attempts', 'back-off', 'what to do', 'what the person is told'],
        Object.entries(failureClasses).map(([name, failure]) => [
          code(name),
          failure.cause,
          String(failure.maxAttempts),
          failure.retryable
            ? `${seconds(failure.backoff.baseMs)}, at most ${seconds(failure.backoff.capMs)}`
            : '–',
          failure.remedy,
          failure.sentence,
        ]),
      ),
      `## Why a request is refused

A refused request becomes a task in state \`rejected\` with the code as its reason, and is not tried again.`,
      table(
        ['code', 'what happened', 'what to do', 'what the author is told'],
        Object.entries(rejections).map(([name, { cause, remedy, sentence }]) => [
          code(name),
          cause,
          remedy,
          sentence,
        ]),
      ),
      `## Why a message is given up

Such a message becomes a dead letter, which \`olympus dlq list\` shows for 90 days.`,
      table(
        ['reason', 'what happened', 'what to do'],
        Object.entries(deadLetterReasons).map(([name, { cause, remedy }]) => [code(name), cause, remedy]),
      ),
      `## Errors in the logs

The field \`err.code\` of a log line. The third column says whether trying again can help before somebody does something.`,
      table(
        ['code', 'what happened', 'may pass by itself', 'what to do'],
        Object.entries(errorCodes).map(([name, { cause, terminal, remedy }]) => [
          code(name),
          cause,
          terminal ? 'no' : 'yes',
          remedy,
        ]),
      ),
    ],
  );
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
