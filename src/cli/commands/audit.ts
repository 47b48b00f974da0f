import { type Command, InvalidArgumentError } from 'commander';
import { ApiClient } from '../api-client.ts';
import { exitCodes } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { count, localTime, table } from '../format.ts';

/** `olympus audit list|verify`: who changed what, and whether the record of it is whole. */
export function addAuditCommands(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('list')
    .description('list the newest changes: who did what, and why')
    .option('--limit <number>', 'at most this many, up to 500', parseLimit, 50)
    .option('--before <seq>', 'only those before the change of this number', parseSeq)
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
The last number of a list leads to what came before it:
  $ olympus audit list --before 1200`,
    )
    .action(async ({ json, ...which }: { limit: number; before?: number; json?: boolean }) => {
      const records = await new ApiClient(context).audit(which);
      if (json) return out.json(records);
      if (records.length === 0)
        return out.note(`Nothing was changed ${which.before ? `before ${which.before}` : 'yet'}.`);
      const [heading = '', ...lines] = table(
        ['SEQ', 'AT', 'WHO', 'WHAT', 'ON', 'WHY'],
        records.map(({ seq, at, who, what, entity, entityId, why }) => [
          String(seq),
          localTime(at),
          who,
          what,
          `${entity}/${entityId}`,
          why ?? '',
        ]),
        out.width,
      );
      out.print(out.style('bold', heading));
      for (const line of lines) out.print(line);
    });
  parent
    .command('verify')
    .description(
      'go through the whole chain; exit code 1, with the record, when one was changed or taken out',
    )
    .option(
      '--head <hash>',
      'a head that was noted earlier; one that is not in the chain counts as broken',
      parseHash,
    )
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
Who can write the database can also cut off the end of the chain. Note the head somewhere else, and give it with --head.`,
    )
    .action(async ({ head, json }: { head?: string; json?: boolean }) => {
      const verdict = await new ApiClient(context).verifyAudit(head);
      if (verdict.kind === 'broken') context.exitWith(exitCodes.failed);
      if (json) out.json(verdict);
      else if (verdict.kind === 'whole')
        out.print(`Whole: ${count(verdict.records)} records, head ${verdict.head}`);
      else out.print(`${out.style('red', 'Broken')}: ${verdict.sentence}.`);
    });
}

function parseHash(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new InvalidArgumentError('Write the 64 hex digits that audit verify has printed as head.');
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 500) return limit;
  throw new InvalidArgumentError('Write a whole number from 1 to 500.');
}

function parseSeq(text: string): number {
  const seq = Number(text);
  if (Number.isSafeInteger(seq) && seq >= 1) return seq;
  throw new InvalidArgumentError('Write a whole number from 1 on.');
}
