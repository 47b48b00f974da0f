import type { Command } from 'commander';
import { createLogger } from '#lib/log.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { inventoryOf, ROOT } from '../inventory-option.ts';
import { explainingLab } from '../lab-errors.ts';
import { Phases, timeOf } from '../phases.ts';

interface UpFlags {
  readonly agents: string;
  readonly chatUrl?: string;
  readonly chatTokens?: string;
  readonly json?: boolean;
}

/** `olympus lab up`: a small real fleet on this machine. */
export function addLabUp(parent: Command, context: CliContext): void {
  parent
    .command('up')
    .description('bring the lab up: hypervisors, a hub and agents in virtual machines, by Ansible')
    .option('--agents <names>', 'which agents, with commas between them', 'athena')
    .option('--chat-url <url>', 'the agents are on this Mattermost server, instead of a stand-in in the lab')
    .option('--chat-tokens <file>', 'YAML with the tokens of your account and of the bots there')
    .option('--json', 'print one JSON value at the end')
    .addHelpText(
      'after',
      `
What runs already is recognised; what is missing or damaged is mended. Ctrl-C leaves a state that the next call mends.
A real model answers with OPENAI_API_KEY and OPENAI_MODEL, ANTHROPIC_API_KEY and ANTHROPIC_MODEL, or OLLAMA_HOST and
OLLAMA_MODEL in the environment or .env; otherwise a scripted one does.
The file of --chat-tokens has "person: <your access token>", "<agent>: <token of its bot>" for each agent and, where
the team is not called olympus, "team: <name>"; only its owner may read it.

Examples:
  $ olympus lab up
  $ olympus lab up --agents athena,apollo
  $ olympus lab up --chat-url https://chat.example --chat-tokens ~/chat-tokens.yml`,
    )
    .action((flags: UpFlags) => up(flags, context));
}

async function up({ agents, chatUrl, chatTokens, json }: UpFlags, context: CliContext): Promise<void> {
  if (chatTokens !== undefined && chatUrl === undefined) {
    throw usageError('--chat-tokens is for a chat server outside of the lab.', 'Name that with --chat-url.');
  }
  const { settings, out, clock, signal } = context;
  const phases = new Phases({ screen: process.stderr, out, clock });
  try {
    const { labUp } = await import('#lab/up/lab-up.ts');
    const result = await explainingLab(() =>
      labUp({
        root: ROOT,
        inventory: inventoryOf(`${ROOT}/inventory/lab`),
        stateDir: settings.stateDir,
        agents: [...new Set(agents.split(',').filter(Boolean))],
        chat: chatUrl === undefined ? undefined : { url: chatUrl, tokensFile: chatTokens },
        env: settings.env,
        log: createLogger({ name: 'lab', level: 'error' }),
        clock,
        report: phases,
        signal,
      }),
    );
    phases.done();
    if (json) {
      out.json({ ...result, seconds: phases.totalSeconds, phases: phases.times });
      return;
    }
    const { id, recognised, acceleration, model, chatOutside, doorUrls } = result;
    out.print(
      recognised
        ? `The lab ${id} was up already.`
        : `The lab ${id} is up after ${timeOf(phases.totalSeconds)}.`,
    );
    out.print(`Machines run ${acceleration.usable ? 'with KVM' : `under emulation: ${acceleration.reason}`}`);
    out.print(`Model: ${model}`);
    if (chatOutside) out.print(`chat: ${chatOutside}`);
    for (const [name, url] of Object.entries(doorUrls)) out.print(`${name}: ${url}`);
  } catch (error) {
    const failedIn = phases.current;
    phases.failed();
    if (signal.aborted) out.note('Interrupted. Run this again: it goes on from here.');
    if (error instanceof CliError && failedIn !== undefined) {
      throw new CliError(`${failedIn}: ${error.message}`, error.remedy, { cause: error });
    }
    throw error;
  }
}
