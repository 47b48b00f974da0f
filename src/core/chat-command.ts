import type { Scope } from './scopes.ts';

/** What a message begins with that is for the control plane and not for an agent, whoever is mentioned before it. */
const PREFIX = /^(?:@[a-z0-9][a-z0-9._-]*[,:;]?\s+)*!olympus(?:\s+|$)/i;

/** What may stand after a verb. */
interface Shape {
  /** As `help` shows it. */
  readonly usage: string;
  readonly does: string;
  /** What its first word names; whether that may be left out, in a thread that says which is meant. */
  readonly names?: 'task' | 'approval' | 'agent';
  /** What stands after it: nothing more unless it says so. */
  readonly rest?: 'why' | 'answer';
  /** The scope that it takes. */
  readonly scope?: Exclude<Scope, 'agent'>;
  /** Who asked for the task may do it without the scope. */
  readonly ownIsEnough?: true;
}

/** What can be said to the control plane in chat. */
export const chatVerbs = {
  help: { usage: 'help', does: 'this list' },
  status: { usage: 'status', does: 'who is there, and what is under way' },
  tasks: {
    usage: 'tasks',
    does: 'what is not done yet: of this channel; in a direct message yours, or all with `read`',
  },
  why: {
    usage: 'why [task]',
    does: 'why a task is where it is',
    names: 'task',
    scope: 'read',
    ownIsEnough: true,
  },
  cancel: {
    usage: 'cancel [task] [reason]',
    does: 'end a task',
    names: 'task',
    rest: 'why',
    scope: 'work',
    ownIsEnough: true,
  },
  retry: {
    usage: 'retry [task] [reason]',
    does: 'try a task again',
    names: 'task',
    rest: 'why',
    scope: 'work',
    ownIsEnough: true,
  },
  approve: {
    usage: 'approve [approval] [reason]',
    does: 'let an agent do what it asks for',
    names: 'approval',
    rest: 'why',
    scope: 'decide',
  },
  deny: {
    usage: 'deny [approval] [reason]',
    does: 'refuse it',
    names: 'approval',
    rest: 'why',
    scope: 'decide',
  },
  answer: {
    usage: 'answer [question] text',
    does: "answer an agent's question",
    names: 'approval',
    rest: 'answer',
    scope: 'decide',
    ownIsEnough: true,
  },
  pause: {
    usage: 'pause agent|all [reason]',
    does: 'give an agent no new work; what it has it brings to an end',
    names: 'agent',
    rest: 'why',
    scope: 'operate',
  },
  resume: {
    usage: 'resume agent|all',
    does: 'give it work again',
    names: 'agent',
    scope: 'operate',
  },
  'stop-all': {
    usage: 'stop-all [reason]',
    does: 'end every run there is, and give no agent new work until `resume`; what is queued is kept',
    rest: 'why',
    scope: 'operate',
  },
} as const satisfies Record<string, Shape>;

export type ChatVerb = keyof typeof chatVerbs;

/** Something said to the control plane. */
export interface ChatCommand {
  readonly verb: ChatVerb;
  /** The id or name that it is about; undefined where the conversation has to say it. */
  readonly target: string | undefined;
  /** The reason or the answer; empty where there is none. */
  readonly rest: string;
}

export type ReadCommand =
  | { readonly kind: 'command'; readonly command: ChatCommand }
  | { readonly kind: 'wrong'; readonly sentence: string };

/** A UUID, as tasks and approvals have them; alone, and in whatever stands around it. */
const WHOLE_ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
const ID = new RegExp(`^${WHOLE_ID.source}$`);
/** Meant as an id, though it is cut, has a digit too few, or dashes of another kind. */
const PIECE_OF_ID = /^[0-9a-f]{7,9}\p{Pd}[0-9a-f\p{Pd}]*|^[0-9a-z]{8}\p{Pd}[0-9a-z]{4}\p{Pd}/u;
/** The same without any dash; an answer may be a number. */
const DIGITS_OF_ID = /^(?=.*\d)[0-9a-f]{7,}$/;
/** Longest reason or answer, in characters. */
const REST_LIMIT = 2000;
/** What cannot be seen, and so makes one word look like another: of the format and control classes, but no space. */
const UNSEEN = /(?!\s)[\p{Cf}\p{Cc}]/gu;
/** A word of nothing else. */
const UNSEEN_WORD = /(?<=^|\s)(?:(?!\s)[\p{Cf}\p{Cc}])+(?=\s|$)/gu;

/** What stands after `!olympus` at the beginning of a message; undefined for a message that is not for control. */
export function commandText(message: string): string | undefined {
  // Only where it has to be: a joined emoji, or a word that joins its letters, is somebody's answer.
  for (const text of [message.trim(), message.replaceAll(UNSEEN, '').trim()]) {
    const prefix = PREFIX.exec(text);
    if (prefix) return text.slice(prefix[0].length);
  }
  return undefined;
}

/** Understands what stands after `!olympus`, or says in a sentence what is wrong with it. */
export function readChatCommand(text: string): ReadCommand {
  const [word = '', ...words] = text.replaceAll(UNSEEN, '').trim().split(/\s+/);
  const verb = word.toLowerCase();
  if (verb === '') return { kind: 'command', command: { verb: 'help', target: undefined, rest: '' } };
  if (!isVerb(verb)) return wrong(`I know no \`${quotable(word)}\`. \`!olympus help\` lists what there is.`);
  const shape: Shape = chatVerbs[verb];
  const first = bare(words[0]);
  const target = shape.names === 'agent' ? first || undefined : ID.test(first) ? first : undefined;
  if (shape.names === 'agent' && target === undefined) return misused(shape);
  // Reasons and answers keep their own spaces and lines.
  const rest = afterWords(
    text.replaceAll(UNSEEN_WORD, '').trim(),
    shape.names && target !== undefined ? 2 : 1,
  );
  if (shape.names && target === undefined) {
    // It must not become a reason, with what the thread itself is about taken for what was meant.
    const meant = words.find((each, index) => WHOLE_ID.test(each) || (index < 2 && isLikeId(each, shape)));
    if (meant)
      return wrong(
        `I do not understand \`${quotable(bare(meant))}\`: write a whole id of 36 characters, right after \`${verb}\`.`,
      );
  }
  if (!shape.rest && rest !== '') return misused(shape);
  if (shape.rest === 'answer' && saysNothing(rest)) return misused(shape);
  if (Array.from(rest).length > REST_LIMIT) {
    return wrong(`That is longer than the ${REST_LIMIT} characters that I take here.`);
  }
  return { kind: 'command', command: { verb, target, rest } };
}

/** Whether there is nothing in a text that can be seen. */
export function saysNothing(text: string): boolean {
  return text.replaceAll(UNSEEN, '').trim() === '';
}

/** Words of somebody for a line of chat: in code, where nothing in them is a mention, a link or an end of it. */
export function quotable(text: string, limit = 80): string {
  const line = text.replaceAll(UNSEEN, '').replaceAll('`', "'").replaceAll(/\s+/g, ' ').trim();
  const characters = Array.from(line);
  return characters.length > limit ? `${characters.slice(0, limit - 1).join('')}…` : line || ' ';
}

/** A text that mentions nobody, though it reads the same: an agent's post that mentions another would be work for that one. */
export function unmentioning(text: string): string {
  return text.replaceAll('@', '@\u200b');
}

function isVerb(word: string): word is ChatVerb {
  return Object.hasOwn(chatVerbs, word);
}

function misused({ usage }: Shape): ReadCommand {
  return wrong(`Write it so: \`!olympus ${usage}\`.`);
}

function wrong(sentence: string): ReadCommand {
  return { kind: 'wrong', sentence };
}

/** Whether somebody seems to have meant an id, which this is not. */
function isLikeId(word: string, { rest }: Shape): boolean {
  const text = bare(word);
  return PIECE_OF_ID.test(text) || (rest !== 'answer' && DIGITS_OF_ID.test(text));
}

/** A word without what people put around names and ids. */
function bare(word: string | undefined): string {
  return (word ?? '').replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '').toLowerCase();
}

function afterWords(text: string, count: number): string {
  return text.replace(new RegExp(`^(?:\\S+\\s*){${count}}`), '');
}
