import type { Command } from 'commander';
import { askPeople, EXIT_CODES } from '../ask-people.ts';
import { usageError } from '../cli-error.ts';
import { collect } from '../collect.ts';
import type { CliContext } from '../context.ts';
import { addActionCode } from './action-code.ts';
import { addActionFile } from './action-file.ts';
import { addActionWrites } from './action-write.ts';

interface Common {
  readonly task: string;
  readonly json?: boolean;
}

/** `olympus action …`: how an agent, on its own machine, asks people and other agents, works at GitHub, and reads files. */
export function addActionCommands(parent: Command, context: CliContext): void {
  addAsk(parent, context);
  addApproval(parent, context);
  addActionFile(parent, context);
  addActionWrites(parent, context);
  addActionCode(parent, context);
}

function addAsk(parent: Command, context: CliContext): void {
  parent
    .command('ask')
    .description('ask a person, or another agent, what has to be known to go on, and wait for the answer')
    .argument('<question>', 'what it is')
    .requiredOption('--task <id>', 'the task this is for')
    .option('--agent <name>', 'ask this agent, instead of a person')
    .option('--choice <text>', 'one of the answers there are, of a person; give it once for each', collect)
    .option('--json', 'print one JSON value')
    .addHelpText('after', EXIT_CODES)
    .action(async (text: string, given: Common & { agent?: string; choice?: string[] }) => {
      const { task, agent, choice, json } = given;
      if (agent !== undefined) {
        if (choice)
          throw usageError('--choice is for people, and not for an agent.', 'Leave one of them out.');
        return askPeople({ ask: 'agent', task, agent: agent.replace(/^@/, ''), text }, context, { json });
      }
      const question = { text, ...(choice ? { choices: choice } : {}) };
      await askPeople({ ask: 'question', task, question }, context, { json });
    });
}

function addApproval(parent: Command, context: CliContext): void {
  parent
    .command('approval')
    .description('ask whether one thing may be done, and wait for the decision')
    .requiredOption('--task <id>', 'the task this is for')
    .requiredOption('--kind <kind>', 'what kind of thing it is, such as deploy.production')
    .requiredOption('--target <target>', 'what it is done to')
    .requiredOption('--summary <text>', 'what it is and what it is for, for the person who decides')
    .option('--params <json>', 'everything else that matters, as a JSON object', '{}')
    .option('--json', 'print one JSON value')
    .addHelpText('after', EXIT_CODES)
    .action(async (given: Common & { kind: string; target: string; summary: string; params: string }) => {
      const { task, kind, target, summary, params, json } = given;
      const action = { kind, target, params: readParams(params) };
      await askPeople({ ask: 'approval', task, action, summary }, context, { json });
    });
}

function readParams(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw usageError(
      `--params is not JSON: ${text}`,
      `Write an object such as --params '{"version": "2.4.1"}'.`,
    );
  }
}
