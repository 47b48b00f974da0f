import { z } from 'zod';
import type { Action } from './action.ts';
import { ActingName } from './api.ts';
import { TrustLabel } from './envelope.ts';
import { GITHUB_KIND } from './github-action.ts';
import { Token } from './tokens.ts';
import { isTrusted } from './trust.ts';

const HOUR_MS = 3_600_000;
const MOST_APPROVALS = 5;

const Kinds = z
  .string()
  .regex(
    /^[a-z0-9]+([._-][a-z0-9]+)*(\.\*)?$/,
    'write a kind of action such as deploy.production, or deploy.* for all that begin so',
  );

const Hours = z
  .string()
  .regex(/^[1-9]\d{0,2}h$/, 'write a number of hours such as 4h')
  .transform((text) => Number.parseInt(text, 10) * HOUR_MS);

/** A class of actions that are done only after people have looked at each. */
export const Gate = z
  .strictObject({
    name: Token,
    /** Which actions: whole kinds, or all that begin with one. */
    kinds: z.array(Kinds).min(1, 'name at least one kind of action'),
    /** How many people have to approve; one who denies is enough. */
    approvals: z.int().min(1).max(MOST_APPROVALS, `ask at most ${MOST_APPROVALS} people`).default(1),
    /** Who may approve, by the name that they have in api_tokens of the inventory; without it everybody with the scope for it. */
    approvers: z.array(ActingName).min(1, 'name at least one person').optional(),
    /** How long people have at most, such as `4h`. Milliseconds, once it is read. */
    within: Hours.optional(),
  })
  .superRefine(({ approvals, approvers }, context) => {
    const people = approvers && new Set(approvers.map((name) => name.toLowerCase())).size;
    if (people === undefined || people >= approvals) return;
    const message = `${approvals} approvals cannot be had of ${people} ${people === 1 ? 'person' : 'people'}`;
    context.addIssue({ code: 'custom', path: ['approvers'], message });
  });
export type Gate = z.output<typeof Gate>;

/**
 * How far agents may go by themselves: not at all, after a person has approved it, at once and the conversation is told,
 * or at once.
 */
const Level = z.enum(['deny', 'ask', 'tell', 'do']);
export type Level = z.output<typeof Level>;

/** What agents may do without asking; only of what Olympus does for them: what it is called is then what it is. */
const Autonomy = z.strictObject({
  kinds: z
    .array(
      Kinds.refine(
        (kind) => kind.startsWith(GITHUB_KIND),
        'write a kind that begins with github.: an agent could give anything else that name',
      ),
    )
    .min(1, 'name at least one kind of action'),
  level: Level,
  /** For whom `tell` and `do` hold: requests trusted that far, or further. Others ask a person. */
  trust: TrustLabel.exclude(
    ['external'],
    'write owner, member or bot: what comes from outside always asks a person',
  ).default('member'),
});

/** `agents/policies.yml`: what agents do only after people have approved it, who those are and how many it takes. */
export const Policies = z
  .strictObject({ gates: z.array(Gate).max(50), autonomy: z.array(Autonomy).max(50).default([]) })
  .superRefine(({ gates }, context) => {
    for (const [index, { name }] of gates.entries()) {
      if (gates.findIndex((gate) => gate.name === name) === index) continue;
      const message = `there is a gate ${name} already`;
      context.addIssue({ code: 'custom', path: ['gates', index, 'name'], message });
    }
  });
export type Policies = z.output<typeof Policies>;

/** The gate that an action has to pass: the first in the file that names its kind. `deploy.*` is also plain `deploy`. */
export function gateFor({ gates }: Policies, { kind }: Pick<Action, 'kind'>): Gate | undefined {
  return gates.find(({ kinds }) => namesKind(kinds, kind));
}

/**
 * How far an agent may go with an action by itself, for a request that is trusted as far as `trust`: as the first entry
 * says that names its kind. What none names asks a person, and so does what has to pass a gate, unless it is denied.
 */
export function levelFor(policies: Policies, action: Pick<Action, 'kind'>, trust: TrustLabel): Level {
  const rule = policies.autonomy.find(({ kinds }) => namesKind(kinds, action.kind));
  if (rule?.level === 'deny') return 'deny';
  if (!rule || gateFor(policies, action) || !isTrusted(trust, rule.trust)) return 'ask';
  return rule.level;
}

function namesKind(kinds: readonly string[], kind: string): boolean {
  return kinds.some((each) =>
    each.endsWith('.*') ? `${kind}.`.startsWith(each.slice(0, -1)) : kind === each,
  );
}
