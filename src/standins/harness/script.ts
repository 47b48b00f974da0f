/** What one turn does. */
export interface Behaviour {
  /** How long it takes; default 20. Its tools are spread evenly over it. */
  readonly durationMs?: number;
  readonly tools?: readonly string[];
  /** Default: that it is a script, with the run's id. */
  readonly text?: string;
  /** It ends so instead of with an answer. `failure` is a class of Olympus, told as it is. */
  readonly failure?: string;
  /** It goes on until it is aborted. */
  readonly neverEnds?: boolean;
  /** It goes on until it is released. */
  readonly held?: boolean;
  /** It goes on as if it had not been told to end. */
  readonly ignoresAbort?: boolean;
}

export interface Rule {
  /** Only turns whose text contains this; every turn without it. */
  readonly match?: string;
  /** How many turns the rule serves; default 1. */
  readonly times?: number;
  readonly behaviour: Behaviour;
}

/** The behaviours set for turns to come: the first rule that matches serves, and is gone when used up. */
export class Script {
  #rules: { readonly rule: Rule; left: number }[] = [];

  add(rules: readonly Rule[]): void {
    for (const rule of rules) this.#rules.push({ rule, left: rule.times ?? 1 });
  }

  clear(): void {
    this.#rules = [];
  }

  take(text: string): Behaviour {
    const entry = this.#rules.find(({ rule }) => rule.match === undefined || text.includes(rule.match));
    if (!entry) return {};
    entry.left -= 1;
    if (entry.left <= 0) this.#rules = this.#rules.filter((other) => other !== entry);
    return entry.rule.behaviour;
  }
}
