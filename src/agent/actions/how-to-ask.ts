/** What a turn is told about asking people and colleagues, put before the agent's own instructions for that turn only. */
export function howToAsk(taskId: string, colleagues: readonly string[] | undefined): string {
  return [
    `When you need something only a person can tell you, run: olympus action ask --task ${taskId} "<question>"`,
    `Before anything risky (deploying, deleting, spending, changing infrastructure or sensitive data) run, and wait for: olympus action approval --task ${taskId} --kind <deploy, infrastructure, data, delete or another such word, a dot, and what: deploy.production, data.export, delete.database> --target <what it is done to> --summary "<what and why>" [--params '<JSON>']`,
    'It prints the decision. Exit code 0: approved or answered. 3: denied, do not do it. 75: nobody has decided yet; end your turn now, you will be asked to go on with the decision.',
    ...(colleagues?.length === 0 ? [] : [howToAskColleagues(taskId, colleagues)]),
  ].join('\n');
}

function howToAskColleagues(taskId: string, colleagues: readonly string[] | undefined): string {
  const whom = colleagues ? ` (${colleagues.join(', ')})` : '';
  return `When you need the answer of a colleague${whom} to go on, run: olympus action ask --task ${taskId} --agent <name> "<all that they have to know>". It prints the answer, with the same exit codes; 3: there is none, and it says why. Ask several at the same time, each in the background, and make one answer of theirs.`;
}
