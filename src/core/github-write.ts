import { z } from 'zod';
import { Token } from './tokens.ts';

/** Longest body, in characters: GitHub takes 65,536, and the line on the daemon's socket has 64 KiB with all else in it. */
const BODY_LIMIT = 40_000;

/** A repository, as `owner/name`. */
export const RepositoryName = z
  .string()
  .regex(
    /^[a-z0-9][\w-]{0,63}\/(?!\.{1,2}$)[\w.-]{1,100}$/i,
    'write a repository as owner/name, such as acme/web',
  );
const repo = RepositoryName;
const number = z.int('write the number of an issue or pull request').positive();
const body = z
  .string()
  .trim()
  .min(1, 'write something')
  .max(BODY_LIMIT, `write at most ${BODY_LIMIT} characters`);
/** What an agent calls a branch of its own; it is `agent/<name>/<slug>` then. */
export const Slug = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,79}$/,
    'write a short name of small letters, digits and dashes, such as 12-fix-login',
  );
const Label = z.string().trim().min(1).max(50).regex(/[^.]/, 'write the name of a label');
const labels = z.array(Label).max(20, 'at most 20 labels').default([]);

/**
 * What an agent may have written to GitHub. Its daemon does it, once it may; the agent itself holds nothing that can
 * write there.
 */
export const GitHubWrite = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('issue-create'),
    repo,
    title: z.string().trim().min(1, 'write a title').max(256),
    body,
    labels,
  }),
  /** A comment of this agent's: written anew under a slot that it used there before, it replaces that one. */
  z.strictObject({
    kind: z.literal('comment-upsert'),
    repo,
    number,
    slot: Token.default('note'),
    body,
  }),
  z.strictObject({ kind: z.literal('label-set'), repo, number, add: labels, remove: labels }),
  /** From a branch of the agent's own, which was pushed before. */
  z.strictObject({
    kind: z.literal('pr-open'),
    repo,
    slug: Slug,
    /** The default branch of the repository, unless another one is named. */
    base: z.string().min(1).max(200).optional(),
    title: z.string().trim().min(1, 'write a title').max(256),
    body,
  }),
]);
export type GitHubWrite = z.output<typeof GitHubWrite>;
