import type { Issue } from '#integrations/github/objects.ts';
import { type GithubReader, PAGE } from '#integrations/github/reader.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/log.ts';
import type { Cursor } from '../store/github-cursor-repository.ts';
import type { Repositories, Store } from '../store/store.ts';
import { lookAtChecks } from './checks.ts';
import type { Happening } from './happening.ts';
import { allSince, type Found, lookAt } from './look.ts';
import { type TakeOptions, takeHappening } from './take.ts';

export interface ReadOptions extends TakeOptions {
  readonly reader: GithubReader;
  readonly store: Store;
  /** Called after something was asked for, or ended. */
  readonly onTaken: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** A list may lack for a moment what another server of GitHub has taken: that much is read once more. */
const OVERLAP_MS = 60_000;

/**
 * Reads what happened in a repository since it was read last, and does what follows. Where nothing has changed that is
 * one request, which says so and counts for nothing, and one for each open pull request of an agent, whose checks
 * nothing else tells of. The cursor moves in the transaction in which what was found is done.
 */
export async function readRepository(options: ReadOptions, repo: string, signal: AbortSignal): Promise<void> {
  const { store, clock } = options;
  let cursor = await store.read.githubCursors.of(repo);
  if (!cursor) {
    // What happened before anybody asked is nobody's work.
    const first: Cursor = { since: clock.now(), etag: undefined };
    await store.transaction((tx) => tx.githubCursors.set(repo, first));
    cursor = first;
  }
  await readIssues(options, repo, cursor, signal);
  await readChecks(options, repo, signal);
}

async function readIssues(
  options: ReadOptions,
  repo: string,
  { since: last, etag: known }: Cursor,
  signal: AbortSignal,
): Promise<void> {
  const { reader, settings, store, onTaken, log } = options;
  const since = last - OVERLAP_MS;
  let etag = known;
  const listed = await allSince<Issue>(async (page) => {
    const isFirst = page.since === since && page.page === 1;
    const list = await reader.issues(repo, { ...page, ...(isFirst ? { etag: known } : {}) }, signal);
    if (list.kind === 'unchanged') return [];
    // What comes after a full page leaves that one, and its tag, as they are.
    if (isFirst) etag = list.items.length < PAGE ? list.etag : undefined;
    return list.items;
  }, since);
  if (listed.length === 0) {
    if (etag !== known) await store.transaction((tx) => tx.githubCursors.set(repo, { since: last, etag }));
    return;
  }
  // As it was listed last, where it changed meanwhile.
  const changed = [...new Map(listed.map((issue) => [issue.number, issue])).values()];
  const found = await lookAt({ reader, settings, repo, since, signal }, changed);
  const newest = Math.max(last, ...changed.map(({ updated_at: at }) => at));
  const outcomes = await store.transaction(async (tx) => {
    const said = await takeAll(tx, options, found.happenings);
    await watch(tx, repo, found);
    // A tag is of the list from one time on: with another time it says nothing.
    await tx.githubCursors.set(repo, { since: newest, etag: newest === last ? etag : undefined });
    return said;
  });
  if (outcomes.length === 0) return;
  log.info({ repo, changed: changed.length, outcomes }, 'GitHub was read');
  onTaken();
}

async function readChecks(options: ReadOptions, repo: string, signal: AbortSignal): Promise<void> {
  const { reader, store, onTaken, log } = options;
  for (const pull of await store.read.githubCursors.pulls(repo)) {
    const found = await lookAtChecks(reader, repo, pull, signal);
    if (!found) continue;
    const outcomes = await store.transaction(async (tx) => {
      const said = await takeAll(tx, options, found.happenings);
      await tx.githubCursors.watch(repo, { ...pull, etag: found.etag });
      return said;
    });
    if (outcomes.length === 0) continue;
    log.info({ repo, number: pull.number, outcomes }, 'checks were read');
    onTaken();
  }
}

async function watch(tx: Repositories, repo: string, { open, closed }: Found): Promise<void> {
  const watched = await tx.githubCursors.pulls(repo);
  for (const pull of open) {
    // The tag is of the checks of one commit.
    const isKnown = watched.some(({ number, sha }) => number === pull.number && sha === pull.sha);
    if (!isKnown) await tx.githubCursors.watch(repo, pull);
  }
  for (const number of closed) await tx.githubCursors.unwatch(repo, number);
}

async function takeAll(
  tx: Repositories,
  options: ReadOptions,
  happenings: readonly Happening[],
): Promise<string[]> {
  const said: string[] = [];
  for (const each of happenings) said.push(await takeHappening(tx, options, each));
  return said;
}
