import type { Command } from 'commander';
import { ApiClient } from '../api-client.ts';
import type { CliContext } from '../context.ts';
import { personOf } from '../settings.ts';

interface Options {
  readonly why?: string;
  readonly json?: boolean;
}

/** `olympus agent drain|resume <name>`: take an agent out of the work, and let it in again. */
export function addAgentDrain(parent: Command, context: CliContext): void {
  const { out } = context;
  const call = async (given: string, verb: 'drain' | 'resume', { why, json }: Options) => {
    const decision = { by: personOf(context.settings), ...(why ? { why } : {}) };
    const agent = await new ApiClient(context).setDuty(given.replace(/^@/, ''), verb, decision);
    if (json) out.json(agent);
    else out.note(said(agent.name)[verb]);
  };
  parent
    .command('drain')
    .description('release nothing more to an agent; it finishes what it has')
    .argument('<name>', 'its name')
    .requiredOption('--why <text>', 'what others are told who look, and what stands on record')
    .option('--json', 'print one JSON value')
    .addHelpText('after', '\nExamples:\n  $ olympus agent drain athena --why "new kernel"')
    .action((name: string, options: Options) => call(name, 'drain', options));
  parent
    .command('resume')
    .description('release work to a drained agent again')
    .argument('<name>', 'its name')
    .option('--why <text>', 'what stands on record beside it')
    .option('--json', 'print one JSON value')
    .action((name: string, options: Options) => call(name, 'resume', options));
}

function said(name: string): Record<'drain' | 'resume', string> {
  return {
    drain: `${name} gets no new work. \`olympus agent show ${name}\` says when it is drained; \`olympus agent resume ${name}\` undoes it.`,
    resume: `${name} gets work again.`,
  };
}
