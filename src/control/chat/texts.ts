import type { WhyView } from '#core/api.ts';
import { chatVerbs, quotable } from '#core/chat-command.ts';
import type { TaskState } from '#core/task-states.ts';
import type { agentView } from '../registry/registry.ts';
import type { TaskRecord } from '../store/records.ts';

type Agent = ReturnType<typeof agentView>;

/** Everything that can be said, one line each. */
export function helpText(): string {
  const lines = Object.values(chatVerbs).map(({ usage, does }) => `- \`!olympus ${usage}\`: ${does}`);
  return `What I take in chat:\n${lines.join('\n')}\nIn a thread, its own task or its own question is meant where none is named.`;
}

export function statusText(
  fleet: string,
  agents: readonly Agent[],
  open: Partial<Record<TaskState, number>>,
): string {
  const lines = agents.map(agentLine);
  const counts = Object.entries(open).map(([state, count]) => `${count} ${state}`);
  const tasks = counts.length > 0 ? `Not done yet: ${counts.join(', ')}.` : 'Nothing is to be done.';
  return [
    `**Fleet ${fleet}**`,
    ...(lines.length > 0 ? lines : ['No agent has ever been heard of.']),
    '',
    tasks,
  ].join('\n');
}

function agentLine({ name, phase, runs, concurrency, lastSeenAt, conditions, drain }: Agent): string {
  const since = phase === 'Silent' ? ` since ${lastSeenAt}` : '';
  const wrong = phase === 'NotReady' ? conditions.filter(({ ready }) => !ready) : [];
  const because = wrong.map(
    (each) => `\`${quotable(each.name)}\`${each.reason ? ` \`${quotable(each.reason)}\`` : ''}`,
  );
  const paused =
    drain && `, paused by \`${quotable(drain.by)}\`${drain.why ? `: \`${quotable(drain.why)}\`` : ''}`;
  return `- **${name}**: ${phase}${since}${because.length > 0 ? ` (${because.join(', ')})` : ''}, ${runs} of ${concurrency} runs${paused ?? ''}`;
}

const ALL = 'There are more than I can show here: `olympus task list` lists all.';

/** The tasks that are shown; `more` says whether there are others that did not fit. */
export function tasksText(tasks: readonly TaskRecord[], more: boolean, now: number): string {
  if (tasks.length === 0) return more ? ALL : 'Nothing is to be done here.';
  const lines = tasks.map(
    ({ id, state, agent, createdAt, text }) =>
      `- \`${id}\` **${state}**, ${quotableName(agent)}, ${age(now - createdAt)}: \`${quotable(text)}\``,
  );
  return [...lines, ...(more ? [ALL] : [])].join('\n');
}

export function whyText({ id, state, reason, owner, next }: WhyView): string {
  return `\`${id}\` is **${state}**: \`${quotable(reason, 400)}\`\nNext (${owner}): \`${quotable(next, 400)}\``;
}

/** A name that may be any text: a request can be for an agent that does not exist. */
function quotableName(name: string): string {
  return `\`${quotable(name)}\``;
}

function age(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}
