import type { Manifest } from '#core/manifest.ts';

/** By which ways a turn reaches people and colleagues. */
export interface WaysToAsk {
  /** Whether there is the command `olympus action`. */
  readonly hasSocket: boolean;
  readonly exec: Manifest['exec'];
  /** Whom it may ask; anybody where it is undefined. */
  readonly colleagues: readonly string[] | undefined;
}

/** What a turn is told about asking people and colleagues, put before the agent's own instructions for that turn only; empty where it cannot. */
export function howToAsk(taskId: string, { hasSocket, exec, colleagues }: WaysToAsk): string {
  const lines = [
    ...(hasSocket ? byCommand(taskId, colleagues) : []),
    ...(exec === 'ask' ? IN_THE_SHELL : []),
  ];
  return lines.map((line) => `\n${line}`).join('');
}

function byCommand(taskId: string, colleagues: readonly string[] | undefined): string[] {
  return [
    `When you need something only a person can tell you, run: olympus action ask --task ${taskId} "<question>"`,
    `Before anything risky (deploying, deleting, spending, changing infrastructure or sensitive data) run, and wait for: olympus action approval --task ${taskId} --kind <deploy, infrastructure, data, delete or another such word, a dot, and what: deploy.production, data.export, delete.database> --target <what it is done to> --summary "<what and why>" [--params '<JSON>']`,
    `On GitHub you read and write by these commands alone: olympus action repo-get, branch-push, pr-open, issue-create, comment-upsert and label-set, each with --task ${taskId}; run one with --help before you use it. It prints what was done, or the decision; run again, it is done once.`,
    'They print the decision. Exit code 0: approved, answered or done. 3: denied, do not do it. 75: nobody has decided yet; end your turn now, you will be asked to go on with the decision.',
    ...(colleagues?.length === 0 ? [] : [howToAskColleagues(taskId, colleagues)]),
  ];
}

const IN_THE_SHELL = [
  'Every other command that you run in the shell waits until a person has approved exactly that command, for one run of it; you need not ask for that yourself. Run as few as you can. Write each out in full, without $variables, redirections, command substitution, sh -c or variables of its own (env): those are denied unseen.',
  'A command that is denied (user-denied) must not be run, in no other form either. When you are told later that a command was approved, run exactly the same again.',
];

function howToAskColleagues(taskId: string, colleagues: readonly string[] | undefined): string {
  const whom = colleagues ? ` (${colleagues.join(', ')})` : '';
  return `When you need the answer of a colleague${whom} to go on, run: olympus action ask --task ${taskId} --agent <name> "<all that they have to know>". It prints the answer, with the same exit codes; 3: there is none, and it says why. Ask several at the same time, each in the background, and make one answer of theirs.`;
}
