import type { Command } from 'commander';
import { ApiClient } from '../api-client.ts';
import { usageError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { personOf } from '../settings.ts';

interface Options {
  readonly why?: string;
  readonly json?: boolean;
  readonly all?: boolean;
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
  const resumeAll = async ({ why, json }: Options): Promise<void> => {
    const api = new ApiClient(context);
    const decision = { by: personOf(context.settings), ...(why ? { why } : {}) };
    const drained = (await api.agents()).filter(({ drain }) => drain);
    const resumed = [];
    for (const { name } of drained) {
      resumed.push(await api.setDuty(name, 'resume', decision));
      if (!json) out.note(said(name).resume);
    }
    if (json) out.json(resumed);
    else if (drained.length === 0) out.note('No agent is drained.');
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
    .argument('[name]', 'its name')
    .option('--all', 'every agent that is drained, as after `olympus stop-all`')
    .option('--why <text>', 'what stands on record beside it')
    .option('--json', 'print one JSON value')
    .action((name: string | undefined, options: Options) => {
      if ((name === undefined) !== (options.all === true))
        throw usageError(
          'Give either the name of an agent or --all.',
          'olympus agent list shows who is drained.',
        );
      return name === undefined ? resumeAll(options) : call(name, 'resume', options);
    });
}

function said(name: string): Record<'drain' | 'resume', string> {
  return {
    drain: `${name} gets no new work. \`olympus agent show ${name}\` says when it is drained; \`olympus agent resume ${name}\` undoes it.`,
    resume: `${name} gets work again.`,
  };
}
