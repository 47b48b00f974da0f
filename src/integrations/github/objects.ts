import { z } from 'zod';

/** GitHub's objects as far as we use them. Its API and its webhooks have them in the same form. */

const Text = z
  .string()
  .nullish()
  .transform((text) => text ?? '');
const Time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const OptionalTime = Time.nullish().transform((time) => time ?? undefined);

/** An account. One that was deleted is null on the wire. */
export const User = z.object({ login: z.string(), id: z.int(), type: z.string() });

const Association = z
  .string()
  .optional()
  .transform((association) => association ?? 'NONE');

const Discussed = z.object({
  number: z.int(),
  title: Text,
  body: Text,
  html_url: z.string(),
  user: User.nullable(),
  author_association: Association,
  labels: z.array(z.object({ name: Text })).default([]),
  state: z.string(),
  updated_at: Time,
  closed_at: OptionalTime,
});

/** An issue; the API lists pull requests among them, which then have `pull_request`. */
export const Issue = Discussed.extend({
  assignees: z.array(User).default([]),
  pull_request: z.object({ merged_at: OptionalTime }).optional(),
  closed_by: User.nullish(),
});
export type Issue = z.output<typeof Issue>;

export const PullRequest = Discussed.extend({
  merged_at: OptionalTime,
  head: z.object({ sha: z.string(), ref: z.string() }),
  /** Teams may be among them, which have no login. */
  requested_reviewers: z.array(z.object({ login: z.string().optional() })).default([]),
});
export type PullRequest = z.output<typeof PullRequest>;

/** A comment in a timeline, or at a line of a pull request. */
export const Comment = z.object({
  id: z.int(),
  body: Text,
  html_url: z.string(),
  user: User.nullable(),
  author_association: Association,
  updated_at: Time,
});
export type Comment = z.output<typeof Comment>;

export const Review = z.object({
  id: z.int(),
  body: Text,
  html_url: z.string(),
  user: User.nullable(),
  author_association: Association,
  /** In capitals from the API, in small letters from webhooks. */
  state: z.string().transform((state) => state.toLowerCase()),
  /** Of one that is not submitted yet there is none. */
  submitted_at: OptionalTime,
});
export type Review = z.output<typeof Review>;

export const CheckRun = z.object({
  name: z.string(),
  head_sha: z.string(),
  html_url: Text,
  conclusion: z.string().nullish(),
  completed_at: OptionalTime,
  check_suite: z.object({ head_branch: z.string().nullish() }).nullish(),
  /** Those of forks are not among them. */
  pull_requests: z.array(z.object({ number: z.int() })).default([]),
});
export type CheckRun = z.output<typeof CheckRun>;

/** Something that was done to an issue or pull request. */
export const IssueEvent = z.object({
  event: z.string(),
  actor: User.nullish(),
  created_at: Time,
  label: z.object({ name: Text }).optional(),
});
export type IssueEvent = z.output<typeof IssueEvent>;

/** An attempt to bring us a delivery. GitHub's numbers of them may be larger than JavaScript counts. */
export const DeliveryAttempt = z.object({
  id: z.union([z.number(), z.bigint()]).transform(String),
  guid: z.string(),
  delivered_at: Time,
  status_code: z.int(),
});
export type DeliveryAttempt = z.output<typeof DeliveryAttempt>;
