import { Command, CommanderError } from 'commander';
import { Interrupted } from '#lib/lifecycle-interrupt.ts';
import { CliError, exitCodes } from './cli-error.ts';
import { addActionCommands } from './commands/action.ts';
import { addAgentDrain } from './commands/agent-drain.ts';
import { addAgentList } from './commands/agent-list.ts';
import { addAgentShow } from './commands/agent-show.ts';
import { addApply } from './commands/apply.ts';
import { addApprovalCommands } from './commands/approvals.ts';
import { addArtifactGet } from './commands/artifact-get.ts';
import { addAuditCommands } from './commands/audit.ts';
import { addDashboard } from './commands/dashboard.ts';
import { addDestroy } from './commands/destroy.ts';
import { addDeadLetterCommands } from './commands/dlq.ts';
import { addDoctor } from './commands/doctor.ts';
import { addInventoryCheck } from './commands/inventory-check.ts';
import { addInventoryConnectivity } from './commands/inventory-connectivity.ts';
import { addLabChat } from './commands/lab-chat.ts';
import { addLabDown } from './commands/lab-down.ts';
import { addLabStatus } from './commands/lab-status.ts';
import { addLabUp } from './commands/lab-up.ts';
import { addLogs } from './commands/logs.ts';
import { addPlan } from './commands/plan.ts';
import { addReleaseBuild } from './commands/release-build.ts';
import { addRender } from './commands/render.ts';
import { addResize } from './commands/resize.ts';
import { addSay } from './commands/say.ts';
import { addSecretsInit } from './commands/secrets-init.ts';
import { addSnapshotCommands } from './commands/snapshot.ts';
import { addSsh } from './commands/ssh.ts';
import { addSshConfig } from './commands/ssh-config.ts';
import { addStatus } from './commands/status.ts';
import { addStopAll } from './commands/stop-all.ts';
import { addTaskCreate } from './commands/task-create.ts';
import { addTaskDecisions } from './commands/task-decisions.ts';
import { addTaskFollow } from './commands/task-follow.ts';
import { addTaskList } from './commands/task-list.ts';
import { addTaskShow } from './commands/task-show.ts';
import { addUndo } from './commands/undo.ts';
import { addWorkflowCommands } from './commands/workflow.ts';
import type { CliContext } from './context.ts';
import type { Output } from './output.ts';

/** Runs one call of the command and resolves with its exit code; what went wrong has been said by then. */
export async function runProgram(
  args: readonly string[],
  given: Omit<CliContext, 'exitWith'>,
): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const context: CliContext = {
    ...given,
    exitWith: (code) => {
      exitCode = code;
    },
  };
  try {
    await createProgram(context, args).parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, context);
  }
}

function createProgram(context: CliContext, args: readonly string[]): Command {
  const program = new Command('olympus')
    .description('A team of AI virtual employees: ask them, watch them, and see what is wrong.')
    .version(context.version, '--version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.out.print(text.trimEnd()),
      writeErr: (text) => context.out.note(text.trimEnd()),
      outputError: (text) =>
        complain(context.out, `${sentenceOf(text)} See ${commandPath(program, args)} --help.`),
    })
    .addHelpText(
      'after',
      `
Examples:
  $ olympus status
  $ olympus say "@athena hello"
  $ olympus doctor

Settings come from the environment, .env in the working directory, then ${context.settings.stateDir}/.env.`,
    );
  addSay(program, context);
  addStatus(program, context);
  addDoctor(program, context);
  addSsh(program, context);
  addLogs(program, context);
  addDashboard(program, context);
  const lab = group(program, 'lab', 'a small real fleet on this one machine', [
    'olympus lab up',
    'olympus lab status',
    'olympus lab down',
  ]);
  addLabUp(lab, context);
  addLabStatus(lab, context);
  addLabChat(lab, context);
  addLabDown(lab, context);
  const task = group(program, 'task', 'the work of the fleet: ask for it, look at it, end it', [
    'olympus task list --state failed',
    'olympus task show 019a2f3c-5d1e',
  ]);
  addTaskList(task, context);
  addTaskShow(task, context);
  addTaskFollow(task, context);
  addTaskCreate(task, context);
  addTaskDecisions(task, context);
  const artifact = group(program, 'artifact', 'what is too long for a message', [
    'olympus artifact get sha256:… --out answer.md',
  ]);
  addArtifactGet(artifact, context);
  const workflow = group(program, 'workflow', 'what several agents are asked at the same time', [
    'olympus workflow list',
    'olympus workflow start briefing --follow',
  ]);
  addWorkflowCommands(workflow, context);
  addApprovalCommands(program, context);
  addStopAll(program, context);
  const agent = group(program, 'agent', 'the agents of the fleet: look at them, drain them', [
    'olympus agent list',
    'olympus agent drain athena --why "new kernel"',
  ]);
  addAgentList(agent, context);
  addAgentShow(agent, context);
  addAgentDrain(agent, context);
  const audit = group(program, 'audit', 'who changed what', ['olympus audit list', 'olympus audit verify']);
  addAuditCommands(audit, context);
  const dlq = group(program, 'dlq', 'messages that could not be handled', [
    'olympus dlq list',
    'olympus dlq list --author athena --stream requests',
    'olympus dlq redrive 17',
  ]);
  addDeadLetterCommands(dlq, context);
  const inventory = group(program, 'inventory', 'look at the description of a fleet', [
    'olympus inventory check --inventory inventory/example',
    'olympus inventory connectivity --inventory inventory/example',
  ]);
  addInventoryCheck(inventory, context);
  addInventoryConnectivity(inventory, context);
  const secrets = group(program, 'secrets', 'make the secrets of a fleet', [
    'olympus secrets init --inventory inventory/example --file inventory/example/group_vars/all/vault.yml',
  ]);
  addSecretsInit(secrets, context);
  addSshConfig(program, context);
  addPlan(program, context);
  addApply(program, context);
  addResize(program, context);
  addDestroy(program, context);
  addUndo(program, context);
  const snapshot = group(program, 'snapshot', 'states of machines that can be gone back to', [
    'olympus snapshot create before-upgrade --inventory inventory/example --machine athena',
    'olympus snapshot list --inventory inventory/example',
  ]);
  addSnapshotCommands(snapshot, context);
  const action = group(program, 'action', 'how an agent asks people before it goes on', [
    'olympus action ask --task 019a2f3c-5d1e-7abc-8def-000000000001 "Which colour?"',
  ]);
  addActionCommands(action, context);
  const render = group(program, 'render', 'print a configuration file, for Ansible', [
    'olympus render gateway-config < values.json',
  ]);
  addRender(render, context);
  const release = group(program, 'release', 'pack our code for the machines', ['olympus release build']);
  addReleaseBuild(release, context);
  return program;
}

function group(program: Command, name: string, description: string, examples: readonly string[]): Command {
  const lines = examples.map((example) => `\n  $ ${example}`).join('');
  return program
    .command(name)
    .description(description)
    .helpCommand(false)
    .addHelpText('after', `\nExamples:${lines}`);
}

function explain(error: unknown, { out, signal }: CliContext): number {
  if (signal.aborted && signal.reason instanceof Interrupted) return signal.reason.exitCode;
  // Commander has printed its sentence, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof CliError) {
    complain(out, `${error.message} ${error.remedy}`);
    return error.exitCode;
  }
  complain(out, 'this should not have happened; please report it with what follows.');
  out.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return exitCodes.failed;
}

function complain(out: Output, message: string): void {
  out.note(`${out.noteStyle('red', 'olympus:')} ${message}`);
}

/** Commander's `error: unknown command 'stauts'\n(Did you mean status?)` as one sentence. */
function sentenceOf(text: string): string {
  const [message = '', ...hints] = text
    .trim()
    .replace(/^error: /, '')
    .split('\n');
  const hint = hints.map((each) => each.replace(/^\((.*)\)$/, '$1')).join(' ');
  const end = /[.?]$/.test(message) ? '' : '.';
  return [`${message}${end}`, hint].filter((each) => each !== '').join(' ');
}

/** The command that was meant, as far as it exists: `olympus task list`. */
function commandPath(program: Command, args: readonly string[]): string {
  const names = [program.name()];
  let at = program;
  for (const word of args) {
    const next = at.commands.find((command) => command.name() === word);
    if (!next) break;
    names.push(word);
    at = next;
  }
  return names.join(' ');
}
