import type { Octokit } from 'octokit';
import type { GitHubWrite } from '#core/github-write.ts';
import type { Clock } from '#lib/clock.ts';

/** Where something was written. */
export interface Written {
  readonly url: string;
  /** Of an issue or a pull request. */
  readonly number?: number | undefined;
  /** It was there as wanted already, of this attempt or one before. */
  readonly already: boolean;
}

export interface WriteOptions {
  /** Of GitHub's API. */
  readonly url: string;
  readonly token: string;
  readonly agent: string;
  /** As whom we write; what others wrote is never taken for ours. */
  readonly login: string;
  /** Where in this repository the task was asked for, if it was there. */
  readonly askedIn?: number | undefined;
  /** Stands in what we write, where nobody sees it, and is the same each time the same is written. */
  readonly marker: string;
  /** When it was tried before, if it was: its answer may have been lost. Unix milliseconds. */
  readonly triedAt: number | undefined;
  /** Called right before something is sent that would be there twice if it were sent again; resolves when that is noted. */
  readonly onTrying: () => Promise<void>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** GitHub does not do it, and will not if it is asked again as things are; the message says why. */
export class WriteRefused extends Error {}

/** By what, and in which repository. */
export interface At {
  readonly octokit: Octokit;
  readonly where: {
    readonly owner: string;
    readonly repo: string;
    readonly request: { readonly signal: AbortSignal };
  };
}
/** One kind of write. */
export type Of<K extends GitHubWrite['kind']> = Extract<GitHubWrite, { kind: K }>;

/** Labels by which people keep agents away. */
const HOLDING = ['olympus:pause', 'olympus:human'];
/** For how long GitHub's lists may lack what was written a moment ago. */
const SETTLES_MS = 15_000;
const LOOK_AGAIN_MS = 2000;

/** The issue or pull request as it is now, if agents may write there. */
export async function openIssue({ octokit, where }: At, number: number) {
  const { data } = await octokit.rest.issues.get({ ...where, issue_number: number });
  refuseHeld({ where }, data);
  if (data.state !== 'open') throw new WriteRefused(`${nameOf({ where }, number)} is ${data.state}`);
  return data;
}

/** Throws a WriteRefused where people hold back what a task was asked for in, be it open or not. */
export async function refuseHeldOrigin(
  { octokit, where }: At,
  { askedIn }: Pick<WriteOptions, 'askedIn'>,
): Promise<void> {
  if (askedIn === undefined) return;
  refuseHeld({ where }, (await octokit.rest.issues.get({ ...where, issue_number: askedIn })).data);
}

/** Throws a WriteRefused where people hold back an open pull request of a branch, which a push to it would change. */
export async function refuseHeldBranch({ octokit, where }: At, branch: string): Promise<void> {
  const query = { ...where, head: `${where.owner}:${branch}`, state: 'open', per_page: 100 } as const;
  const { data } = await octokit.rest.pulls.list(query);
  for (const pull of data.filter(({ head }) => head.ref === branch)) refuseHeld({ where }, pull);
}

function refuseHeld({ where }: Pick<At, 'where'>, { number, labels }: Labelled): void {
  const names = labels.map((label) => lower(typeof label === 'string' ? label : label.name));
  const holding = HOLDING.find((label) => names.includes(label));
  if (!holding) return;
  throw new WriteRefused(`people hold ${nameOf({ where }, number)} back: it has the label ${holding}`);
}

interface Labelled {
  readonly number: number;
  readonly labels: readonly (string | { readonly name?: string | undefined })[];
}

function nameOf({ where }: Pick<At, 'where'>, number: number): string {
  return `${where.owner}/${where.repo}#${number}`;
}

/** What an attempt before has left. Right after one, GitHub may not show it yet: then it is looked for again. */
export async function foundBefore<T>(
  find: () => Promise<T | undefined>,
  { triedAt, clock, signal }: WriteOptions,
): Promise<T | undefined> {
  const settled = triedAt === undefined ? 0 : triedAt + SETTLES_MS;
  for (;;) {
    const found = await find();
    if (found !== undefined || clock.now() >= settled) return found;
    await clock.sleep(LOOK_AGAIN_MS, signal);
  }
}

/** What we write, with its mark. */
export function marked(body: string, marker: string): string {
  return `${body}\n\n${markOf(marker)}`;
}

/** Whether a text ends in exactly this mark: one mark may begin like another. */
export function isMarked(body: string | null | undefined, marker: string): boolean {
  return (body ?? '').trimEnd().endsWith(markOf(marker));
}

function markOf(marker: string): string {
  return `<!-- ${marker} -->`;
}

/** Whether two logins are one account's. */
export function isLogin(one: string | undefined, other: string): boolean {
  return one !== undefined && lower(one) === lower(other);
}

/** GitHub takes names in any capitals. */
export function lower(text: string | undefined): string {
  return (text ?? '').toLowerCase();
}
