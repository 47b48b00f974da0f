import { z } from 'zod';
import type { Action } from './action.ts';
import { ActingName } from './api.ts';
import { Token } from './tokens.ts';

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

/** `agents/policies.yml`: what agents do only after people have approved it, who those are and how many it takes. */
export const Policies = z.strictObject({ gates: z.array(Gate).max(50) }).superRefine(({ gates }, context) => {
  for (const [index, { name }] of gates.entries()) {
    if (gates.findIndex((gate) => gate.name === name) === index) continue;
    const message = `there is a gate ${name} already`;
    context.addIssue({ code: 'custom', path: ['gates', index, 'name'], message });
  }
});
export type Policies = z.output<typeof Policies>;

/** The gate that an action has to pass: the first in the file that names its kind. `deploy.*` is also plain `deploy`. */
export function gateFor({ gates }: Policies, { kind }: Pick<Action, 'kind'>): Gate | undefined {
  return gates.find(({ kinds }) =>
    kinds.some((each) => (each.endsWith('.*') ? `${kind}.`.startsWith(each.slice(0, -1)) : kind === each)),
  );
}
