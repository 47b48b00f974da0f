import type { Command } from 'commander';
import { ApiClient } from '../api-client.ts';
import type { CliContext } from '../context.ts';
import { personOf } from '../settings.ts';

interface Options {
  readonly why: string;
  readonly json?: boolean;
}

/** `olympus stop-all`: the fleet's emergency stop. It asks nothing: who needs it has no time, and `resume --all` undoes it. */
export function addStopAll(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('stop-all')
    .description('end every run of the fleet at once, and give no agent new work; what is queued is kept')
    .requiredOption('--why <text>', 'what those are told whose runs end, and what stands on record')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      '\nExamples:\n  $ olympus stop-all --why "they write to production"\n  $ olympus agent resume --all',
    )
    .action(async ({ why, json }: Options) => {
      const stopped = await new ApiClient(context).stopAll({ by: personOf(context.settings), why });
      if (json) return out.json(stopped);
      const runs = stopped.runs === 1 ? '1 run is' : `${stopped.runs} runs are`;
      const agents = stopped.agents.join(', ') || 'no agent has ever been heard of, so nobody';
      return out.note(
        `${runs} being ended. No new work for: ${agents}. \`olympus agent resume --all\` lets them go on.`,
      );
    });
}
