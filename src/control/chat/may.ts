import { type ChatVerb, chatVerbs, quotable } from '#core/chat-command.ts';
import type { Scope } from '#core/scopes.ts';
import type { Caller } from '../api/tokens.ts';
import { mayDo } from '../api/tokens.ts';
import type { TaskRecord } from '../store/records.ts';

/** Somebody in chat, with what they may do there. */
export interface Speaker {
  /** The id of their account. */
  readonly id: string;
  /** The name under which they act, for the record. */
  readonly name: string;
  /** What the inventory gives them; undefined for those whom it does not name. */
  readonly caller: Caller | undefined;
}

/** The speaker for an account: by the name that the inventory has for it, or as the account itself. */
export function speakerOf(account: { id: string; name: string }, caller: Caller | undefined): Speaker {
  return { id: account.id, name: caller?.name ?? `chat:${quotable(account.name, 64)}`, caller };
}

export function has({ caller }: Speaker, scope: Exclude<Scope, 'agent'>): boolean {
  return caller !== undefined && mayDo(caller, [scope]);
}

/** Why this person may not do this, as a sentence; undefined where they may. `task` is the one that it is about. */
export function refusalFor(speaker: Speaker, verb: ChatVerb, task?: TaskRecord): string | undefined {
  const shape: (typeof chatVerbs)[ChatVerb] = chatVerbs[verb];
  if (!('scope' in shape) || has(speaker, shape.scope)) return undefined;
  const ownIsEnough = 'ownIsEnough' in shape;
  if (ownIsEnough && task?.requester.kind === 'human' && task.requester.id === speaker.id) return undefined;
  const who = ownIsEnough ? 'takes who asked for it, or the scope' : 'takes the scope';
  return `\`${verb}\` ${who} \`${shape.scope}\`, which your account does not have here. It is given with \`chat\` in api_tokens of the inventory.`;
}
