import type { z } from 'zod';
import { usageError } from '../cli-error.ts';

/** Makes a file's text out of JSON; a CliError names the fields that are wrong, never their values. */
export type Render = (input: string) => string;

/** The file called `name` out of values that have this schema. */
export function defineDocument<T extends z.ZodType>(
  name: string,
  schema: T,
  text: (values: z.output<T>) => string,
): Render {
  return (input) => {
    const parsed = schema.safeParse(withoutNulls(parseJson(input, name)));
    if (parsed.success) return text(parsed.data);
    throw wrongInput(name, parsed.error.issues.flatMap(sentencesOf).join(' '));
  };
}

function parseJson(input: string, name: string): unknown {
  try {
    return JSON.parse(input);
  } catch {
    // Its own message quotes the text around the mistake, which may be a secret.
    throw wrongInput(name, input.trim() === '' ? 'It is empty.' : 'It is not JSON.');
  }
}

function wrongInput(name: string, what: string) {
  return usageError(
    `Standard input is not what ${name} is made from. ${what}`,
    `See olympus render ${name} --help.`,
  );
}

/** A variable that a playbook leaves empty arrives as null and counts as absent. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null));
}

function sentencesOf(issue: z.core.$ZodIssue): string[] {
  const at = (key?: string): string => [...issue.path, ...(key === undefined ? [] : [key])].join('.');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${at(key)} is not known here.`);
  if (issue.message.endsWith('received undefined')) return [`${at()} is missing.`];
  return [at() === '' ? `${issue.message}.` : `${at()}: ${issue.message}.`];
}
