import type { Command } from 'commander';
import type { CliContext } from './context.ts';

/** Commands that come together: one, some, or the group of a name. Only what a call asks for is loaded. */
interface Family {
  /** What a call of it begins with. */
  readonly words: readonly string[];
  /** Where its commands come after its one word: what the help says of that. */
  readonly group?: { readonly description: string; readonly examples: readonly string[] };
  readonly load: () => Promise<readonly ((parent: Command, context: CliContext) => void)[]>;
}

/** Every command, in the order of the help. */
export const FAMILIES: readonly Family[] = [
  { words: ['say'], load: async () => [(await import('./commands/say.ts')).addSay] },
  { words: ['status'], load: async () => [(await import('./commands/status.ts')).addStatus] },
  { words: ['doctor'], load: async () => [(await import('./commands/doctor.ts')).addDoctor] },
  { words: ['ssh'], load: async () => [(await import('./commands/ssh.ts')).addSsh] },
  { words: ['logs'], load: async () => [(await import('./commands/logs.ts')).addLogs] },
  { words: ['dashboard'], load: async () => [(await import('./commands/dashboard.ts')).addDashboard] },
  {
    words: ['lab'],
    group: {
      description: 'a small real fleet on this one machine',
      examples: ['olympus lab up', 'olympus lab status', 'olympus lab down'],
    },
    load: async () => [
      (await import('./commands/lab-up.ts')).addLabUp,
      (await import('./commands/lab-status.ts')).addLabStatus,
      (await import('./commands/lab-chat.ts')).addLabChat,
      (await import('./commands/lab-down.ts')).addLabDown,
    ],
  },
  {
    words: ['task'],
    group: {
      description: 'the work of the fleet: ask for it, look at it, end it',
      examples: ['olympus task list --state failed', 'olympus task show 019a2f3c-5d1e'],
    },
    load: async () => [
      (await import('./commands/task-list.ts')).addTaskList,
      (await import('./commands/task-show.ts')).addTaskShow,
      (await import('./commands/task-follow.ts')).addTaskFollow,
      (await import('./commands/task-create.ts')).addTaskCreate,
      (await import('./commands/task-decisions.ts')).addTaskDecisions,
    ],
  },
  {
    words: ['artifact'],
    group: {
      description: 'what is too long for a message',
      examples: ['olympus artifact get sha256:… --out answer.md'],
    },
    load: async () => [(await import('./commands/artifact-get.ts')).addArtifactGet],
  },
  {
    words: ['workflow'],
    group: {
      description: 'what several agents are asked at the same time',
      examples: ['olympus workflow list', 'olympus workflow start briefing --follow'],
    },
    load: async () => [(await import('./commands/workflow.ts')).addWorkflowCommands],
  },
  {
    words: ['approve', 'deny', 'answer'],
    load: async () => [(await import('./commands/approvals.ts')).addApprovalCommands],
  },
  { words: ['stop-all'], load: async () => [(await import('./commands/stop-all.ts')).addStopAll] },
  {
    words: ['agent'],
    group: {
      description: 'the agents of the fleet: look at them, drain them',
      examples: ['olympus agent list', 'olympus agent drain athena --why "new kernel"'],
    },
    load: async () => [
      (await import('./commands/agent-list.ts')).addAgentList,
      (await import('./commands/agent-show.ts')).addAgentShow,
      (await import('./commands/agent-drain.ts')).addAgentDrain,
    ],
  },
  {
    words: ['audit'],
    group: {
      description: 'who changed what',
      examples: ['olympus audit list', 'olympus audit verify'],
    },
    load: async () => [(await import('./commands/audit.ts')).addAuditCommands],
  },
  {
    words: ['dlq'],
    group: {
      description: 'messages that could not be handled',
      examples: [
        'olympus dlq list',
        'olympus dlq list --author athena --stream requests',
        'olympus dlq redrive 17',
      ],
    },
    load: async () => [(await import('./commands/dlq.ts')).addDeadLetterCommands],
  },
  {
    words: ['inventory'],
    group: {
      description: 'look at the description of a fleet',
      examples: [
        'olympus inventory check --inventory inventory/example',
        'olympus inventory connectivity --inventory inventory/example',
      ],
    },
    load: async () => [
      (await import('./commands/inventory-check.ts')).addInventoryCheck,
      (await import('./commands/inventory-connectivity.ts')).addInventoryConnectivity,
    ],
  },
  {
    words: ['secrets'],
    group: {
      description: 'make the secrets of a fleet',
      examples: [
        'olympus secrets init --inventory inventory/example --file inventory/example/group_vars/all/vault.yml',
      ],
    },
    load: async () => [
      (await import('./commands/secrets-init.ts')).addSecretsInit,
      (await import('./commands/secrets-chat-tokens.ts')).addSecretsChatTokens,
    ],
  },
  { words: ['ssh-config'], load: async () => [(await import('./commands/ssh-config.ts')).addSshConfig] },
  { words: ['plan'], load: async () => [(await import('./commands/plan.ts')).addPlan] },
  { words: ['apply'], load: async () => [(await import('./commands/apply.ts')).addApply] },
  { words: ['resize'], load: async () => [(await import('./commands/resize.ts')).addResize] },
  { words: ['destroy'], load: async () => [(await import('./commands/destroy.ts')).addDestroy] },
  { words: ['undo'], load: async () => [(await import('./commands/undo.ts')).addUndo] },
  {
    words: ['snapshot'],
    group: {
      description: 'states of machines that can be gone back to',
      examples: [
        'olympus snapshot create before-upgrade --inventory inventory/example --machine athena',
        'olympus snapshot list --inventory inventory/example',
      ],
    },
    load: async () => [(await import('./commands/snapshot.ts')).addSnapshotCommands],
  },
  {
    words: ['action'],
    group: {
      description: 'how an agent asks people and other agents, works at GitHub, and reads what was sent',
      examples: ['olympus action ask --task 019a2f3c-5d1e-7abc-8def-000000000001 "Which colour?"'],
    },
    load: async () => [(await import('./commands/action.ts')).addActionCommands],
  },
  {
    words: ['render'],
    group: {
      description: 'print a configuration file, for Ansible',
      examples: ['olympus render gateway-config < values.json'],
    },
    load: async () => [(await import('./commands/render.ts')).addRender],
  },
  {
    words: ['release'],
    group: {
      description: 'pack our code for the machines',
      examples: ['olympus release build'],
    },
    load: async () => [(await import('./commands/release-build.ts')).addReleaseBuild],
  },
];

/** Loads the commands of a family and adds them to the program. */
export async function addFamily(
  program: Command,
  { words, group, load }: Family,
  context: CliContext,
): Promise<void> {
  const parent = group ? addGroup(program, words.join(' '), group) : program;
  for (const add of await load()) add(parent, context);
}

function addGroup(
  program: Command,
  name: string,
  { description, examples }: NonNullable<Family['group']>,
): Command {
  const lines = examples.map((example) => `\n  $ ${example}`).join('');
  return program
    .command(name)
    .description(description)
    .helpCommand(false)
    .addHelpText('after', `\nExamples:${lines}`);
}
