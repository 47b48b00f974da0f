import { z } from 'zod';

/** Longest parameters of an action, as characters of their canonical form. */
const PARAMS_LIMIT = 128_000;
const DEEPEST = 32;

/**
 * A side effect that somebody wants: what kind, on what, with exactly which parameters. An approval holds for the one
 * whose hash it bears, and for no other.
 */
export const Action = z.strictObject({
  kind: z
    .string()
    .regex(/^[a-z0-9]+([._-][a-z0-9]+)*$/, 'write a kind such as deploy.production')
    .max(64),
  target: z.string().min(1).max(256),
  params: z.record(z.string(), z.unknown()).refine(fits, {
    error: `the parameters have to be JSON of at most ${PARAMS_LIMIT} characters, nested at most ${DEEPEST} deep, with integers beyond 2^53 as strings`,
  }),
});
export type Action = z.output<typeof Action>;

/** Something an agent has to know from a person; with choices, one of them is the answer. */
export const Question = z.strictObject({
  text: z.string().trim().min(1).max(4000),
  choices: z.array(z.string().trim().min(1).max(200)).min(2).max(10).optional(),
});
export type Question = z.output<typeof Question>;

/**
 * The one way to write a JSON value: no white space, keys sorted by code unit, everything else as JSON.stringify does.
 * Throws on what is not JSON, is nested deeper than anybody means, or is an integer that another may have been rounded to.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > DEEPEST) throw new TypeError(`nested more than ${DEEPEST} deep`);
  if (Array.isArray(value)) return `[${value.map((each) => canonicalJson(each, depth + 1)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member, depth + 1)}`);
    return `{${members.join(',')}}`;
  }
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined || (typeof value === 'number' && !Number.isFinite(value))) {
    throw new TypeError(`${String(value)} is not JSON`);
  }
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new TypeError(`${text} is beyond 2^53: write it as a string`);
  }
  return text;
}

/** What an approval of the action is bound to: SHA-256 over its canonical JSON, as 64 hex digits. */
export function actionHash({ kind, target, params }: Action): Promise<string> {
  return sha256(canonicalJson({ kind, target, params }));
}

/** The same of a question. */
export function questionHash({ text, choices }: Question): Promise<string> {
  return sha256(canonicalJson({ text, ...(choices ? { choices } : {}) }));
}

/** The same of what another agent is asked. */
export function delegationHash({
  agent,
  text,
}: {
  readonly agent: string;
  readonly text: string;
}): Promise<string> {
  return sha256(canonicalJson({ agent, text }));
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function fits(params: Readonly<Record<string, unknown>>): boolean {
  try {
    return canonicalJson(params).length <= PARAMS_LIMIT;
  } catch {
    return false;
  }
}
