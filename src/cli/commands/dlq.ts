import { type Command, InvalidArgumentError, Option } from 'commander';
import { type DeadLetterSummary, type DeadLetterView, type LetterFilter, LetterStream } from '#core/api.ts';
import { deadLetterReasons } from '#core/messages/dead-letter.ts';
import { ApiClient } from '../api-client.ts';
import type { CliContext } from '../context.ts';
import { age, harmless, localTime, table } from '../format.ts';
import { personOf } from '../settings.ts';

/** `olympus dlq list|show|redrive`: messages that were given up, and how to have them handled after all. */
export function addDeadLetterCommands(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('list')
    .description('list the messages that were given up, newest first')
    .option('--limit <number>', 'at most this many, up to 500', parseNumber, 50)
    .addOption(new Option('--stream <stream>', 'only what was in this stream').choices(LetterStream.options))
    .option('--author <agent>', 'only what this agent sent, or did not bring to an end')
    .option(
      '--before <id>',
      'only those with a lower number: the page after the one that ended with it',
      parseNumber,
    )
    .option('--json', 'print one JSON value')
    .action(async ({ json, ...filter }: LetterFilter & { json?: boolean }) => {
      const letters = await new ApiClient(context).deadLetters(filter);
      if (json) return out.json(letters);
      if (letters.length > 0) printList(letters, context);
      else out.note(isNarrow(filter) ? 'No such message was given up.' : 'No message was given up.');
      const last = letters.at(-1);
      if (last && letters.length === filter.limit) out.note(`There may be more: add --before ${last.id}.`);
    });
  parent
    .command('show')
    .description('show one: what was wrong with it, what to do, and its body')
    .argument('<id>', 'its number in the list', parseNumber)
    .option('--json', 'print one JSON value')
    .action(async (id: number, { json }: { json?: boolean }) => {
      const letter = await new ApiClient(context).deadLetter(id);
      if (json) out.json(letter);
      else printLetter(letter, context);
    });
  parent
    .command('redrive')
    .description(
      'have it handled once more: a task is queued again, any other message goes back to its subject',
    )
    .argument('<id>', 'its number in the list', parseNumber)
    .option('--why <text>', 'what the record of a task that is queued again says')
    .option('--json', 'print one JSON value')
    .action(async (id: number, { why, json }: { why?: string; json?: boolean }) => {
      const decision = { by: personOf(context.settings), ...(why ? { why } : {}) };
      const letter = await new ApiClient(context).redrive(id, decision);
      if (json) out.json(letter);
      else out.note(`Redriven: ${letter.subject}.`);
    });
}

function isNarrow({ stream, author, before }: LetterFilter): boolean {
  return [stream, author, before].some((part) => part !== undefined);
}

function printList(letters: readonly DeadLetterSummary[], { out, clock }: CliContext): void {
  const now = clock.now();
  const [heading = '', ...lines] = table(
    ['ID', 'REASON', 'AGE', 'SUBJECT', 'DETAIL'],
    letters.map(({ id, reason, at, subject, detail }) => [
      String(id),
      reason,
      age(now - Date.parse(at)),
      subject,
      detail ?? '',
    ]),
    out.width,
  );
  out.print(out.style('bold', heading));
  for (const line of lines) out.print(line);
}

function printLetter(letter: DeadLetterView, { out }: CliContext): void {
  const field = (name: string, value: string): void => out.print(`  ${name.padEnd(12)}${harmless(value)}`);
  const { cause, remedy } = deadLetterReasons[letter.reason];
  out.print(out.style('bold', `Dead letter ${letter.id}`));
  field('reason', `${letter.reason}: ${cause}`);
  field('', `→ ${remedy}`);
  if (letter.detail) field('detail', letter.detail.replaceAll('\n', ' '));
  field('subject', letter.subject);
  field('stream', letter.stream);
  field('deliveries', String(letter.deliveries));
  field('given up', localTime(letter.at));
  out.print(`\n${out.style('bold', 'Body')}`);
  const text = Buffer.from(letter.body, 'base64').toString('utf8');
  for (const line of harmless(text).split('\n')) out.print(`  ${line}`.trimEnd());
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('Write a whole number from 1 on.');
}
