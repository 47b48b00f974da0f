import { lastUserText, type Prompt } from './prompt.ts';

/** What the stand-in does with one call. */
export type Behaviour =
  | { readonly kind: 'answer'; readonly text?: string }
  /** The answer streams evenly over `overMs`. */
  | { readonly kind: 'slow'; readonly overMs: number; readonly text?: string }
  | {
      readonly kind: 'error';
      readonly status: number;
      readonly message?: string;
      /** Sent instead of the provider's own error shape. */
      readonly body?: unknown;
      readonly retryAfterSeconds?: number;
    }
  /** Takes the request and never says a word. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'tool'; readonly name: string; readonly args: unknown }
  /** Breaks the connection after half of the answer. */
  | { readonly kind: 'disconnect'; readonly text?: string }
  | { readonly kind: 'long'; readonly characters: number }
  /** Waits for a release, then answers. */
  | { readonly kind: 'hold'; readonly text?: string };

export interface Rule {
  /** Only calls whose user text contains this; every call without it. */
  readonly match?: string;
  /** Which user text is looked at: the last message (default), or any of them. */
  readonly matchIn?: 'last' | 'any';
  /** How many calls the rule serves; default 1. */
  readonly times?: number;
  readonly behaviour: Behaviour;
}

/** The behaviours set for calls to come: first rule that matches serves, and is gone when used up. */
export class Script {
  #rules: { rule: Rule; left: number }[] = [];
  #held: { text: string; release: () => void }[] = [];

  add(rules: readonly Rule[]): void {
    for (const rule of rules) this.#rules.push({ rule, left: rule.times ?? 1 });
  }

  clear(): void {
    this.#rules = [];
    this.release(undefined);
  }

  take(prompt: Prompt): Behaviour {
    const entry = this.#rules.find(({ rule }) => matches(rule, prompt));
    if (!entry) return { kind: 'answer' };
    entry.left -= 1;
    if (entry.left <= 0) this.#rules = this.#rules.filter((other) => other !== entry);
    return entry.rule.behaviour;
  }

  /** Waits until released, or until the caller is gone. */
  hold(prompt: Prompt, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal.aborted) return Promise.resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    this.#held.push({ text: lastUserText(prompt), release: resolve });
    return promise;
  }

  /** Lets held calls go on: those whose last user text contains `match`, or all. Returns how many. */
  release(match: string | undefined): number {
    const going = this.#held.filter(({ text }) => match === undefined || text.includes(match));
    this.#held = this.#held.filter((held) => !going.includes(held));
    for (const { release } of going) release();
    return going.length;
  }
}

function matches({ match, matchIn = 'last' }: Rule, prompt: Prompt): boolean {
  if (match === undefined) return true;
  if (matchIn === 'last') return lastUserText(prompt).includes(match);
  return prompt.messages.some(({ role, text }) => role === 'user' && text.includes(match));
}
