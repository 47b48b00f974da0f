import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { AgentView } from '#core/api.ts';
import { commandText } from '#core/chat-command.ts';
import { mentionedNames } from '#integrations/mattermost/mentions.ts';
import { POST_LIMIT } from '#integrations/mattermost/rest.ts';
import { usageError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { count } from '../format.ts';

/** What was asked to be said: the words of the call, or standard input for a lone `-`. */
export async function readMessage(words: readonly string[], context: CliContext): Promise<string> {
  const given = words.join(' ');
  return given === '-' ? readInput(context) : given;
}

/** Refuses what cannot be posted, before anything is. Length is counted in characters, as the server does. */
export function checkMessage(message: string): void {
  if (message.trim() === '') {
    throw usageError(
      'The message is empty.',
      'Write what you want: olympus say "@athena summarise the last release"',
    );
  }
  const length = Array.from(message).length;
  if (length <= POST_LIMIT) return;
  throw usageError(
    `The message has ${count(length)} characters; a post holds at most ${count(POST_LIMIT)}.`,
    'Shorten it, or say it in parts in one thread (--thread).',
  );
}

/** Refuses what mentions nobody and begins a thread: no agent would answer. */
export function checkMention(message: string, agents: readonly AgentView[] | undefined): void {
  if (mentionedNames(message).length > 0) return;
  throw usageError('Nobody is mentioned, so nobody would answer.', whoIsHere(agents));
}

/** Refuses what is meant for chat alone: here it has commands of its own. */
export function checkNoCommand(message: string): void {
  if (commandText(message) === undefined) return;
  throw usageError(
    '!olympus … is for people in chat; nobody would follow its answer here.',
    'Use olympus status, task, approve, agent or stop-all: see olympus --help.',
  );
}

/** The agents one can mention, as a sentence. */
export function whoIsHere(agents: readonly AgentView[] | undefined): string {
  if (agents === undefined) return 'Put the name of an agent first: olympus say "@athena hello"';
  const names = agents.map((agent) => agent.name).sort();
  const [first] = names;
  if (first === undefined) return 'No agent has reported to the control plane yet: see `olympus status`.';
  const list = names.map((name) => `@${name}`).join(', ');
  return `${names.length === 1 ? 'The agent here is' : 'Agents here:'} ${list}. For example: olympus say "@${first} hello"`;
}

async function readInput({ stdin, signal, out }: CliContext): Promise<string> {
  if (stdin.isTTY) out.progress('Type the message; Ctrl-D on a line of its own ends it.');
  const input = await text(addAbortSignal(signal, stdin));
  return input.replace(/\r?\n$/, '');
}
