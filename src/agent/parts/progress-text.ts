import type { Calls } from '../journal/progress-store.ts';

/** What is said of a kind of call: while one goes on, of one that was made, of many. */
interface Words {
  readonly now: string;
  readonly one: string;
  readonly many: string;
}

const COMMAND = { now: 'running a command', one: 'command', many: 'commands' };
const READ = { now: 'reading a file', one: 'file read', many: 'files read' };
const CHANGE = { now: 'changing a file', one: 'file change', many: 'file changes' };
const SEARCH = { now: 'searching the web', one: 'web search', many: 'web searches' };
const PAGE = { now: 'reading a web page', one: 'web page read', many: 'web pages read' };
const BROWSER = { now: 'using a browser', one: 'step in a browser', many: 'steps in a browser' };
const MEMORY = { now: 'looking into its memory', one: 'look into its memory', many: 'looks into its memory' };
const OTHER = { now: 'using a tool', one: 'other tool', many: 'other tools' };

/** Stands for a call under way in which a run waits for people, or for another agent. */
export const WAITING = 'waiting for an answer';

/** OpenClaw's own tools; those of others are shown by their names. */
const TOOLS: ReadonlyMap<string, Words> = new Map([
  ['exec', COMMAND],
  ['bash', COMMAND],
  ['process', COMMAND],
  ['read', READ],
  ['write', CHANGE],
  ['edit', CHANGE],
  ['apply_patch', CHANGE],
  ['web_search', SEARCH],
  ['web_fetch', PAGE],
  ['browser', BROWSER],
  ['memory_search', MEMORY],
  ['memory_get', MEMORY],
]);
const KINDS: ReadonlyMap<string, Words> = new Map(
  [...TOOLS.values(), OTHER].map((words) => [words.one, words]),
);

/** What a name may be that is shown as it is: it mentions nobody and ends no code. */
const NAME = /^[A-Za-z][A-Za-z0-9_.:-]{0,39}$/;
/** A gateway may call tools by ever new names. */
const MOST_NAMES = 20;

/** Counts one more call: under the words for its kind, or the name of its tool. Never what it was called with. */
export function withCall(
  calls: Calls,
  tool: string | undefined,
): { readonly calls: Calls; readonly name: string } {
  const name = nameOf(calls, tool);
  const before = Object.hasOwn(calls, name) ? (calls[name] ?? 0) : 0;
  return { calls: { ...calls, [name]: before + 1 }, name };
}

/** What the post says of a run that is at work; `current` is under what its call under way is counted. */
export function workingText(forMs: number, calls: Calls, current: string | undefined): string {
  return `Working for ${duration(forMs)}, ${doing(current)}.\n${made(calls)} so far: ${listed(calls)}.`;
}

/** What it says from the end of the run on; without a time of one that was left to another daemon. */
export function workedText(forMs: number | undefined, calls: Calls): string {
  const began = forMs === undefined ? 'No longer at work here' : `Worked ${duration(forMs)}`;
  return Object.keys(calls).length === 0 ? `${began}.` : `${began}: ${made(calls)} (${listed(calls)}).`;
}

function doing(current: string | undefined): string {
  if (current === undefined) return 'thinking';
  if (current === WAITING) return WAITING;
  return KINDS.get(current)?.now ?? `using \`${current}\``;
}

function made(calls: Calls): string {
  const count = Object.values(calls).reduce((sum, each) => sum + each, 0);
  return count === 1 ? '1 tool call' : `${count} tool calls`;
}

function nameOf(calls: Calls, tool: string | undefined): string {
  if (tool === undefined) return OTHER.one;
  const words = TOOLS.get(tool);
  if (words) return words.one;
  if (!NAME.test(tool) || KINDS.has(tool)) return OTHER.one;
  return Object.hasOwn(calls, tool) || Object.keys(calls).length < MOST_NAMES ? tool : OTHER.one;
}

/** The most frequent first. */
function listed(calls: Calls): string {
  return Object.entries(calls)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => {
      const words = KINDS.get(name) ?? { one: `\`${name}\``, many: `\`${name}\`` };
      return `${count} ${count === 1 ? words.one : words.many}`;
    })
    .join(', ');
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
