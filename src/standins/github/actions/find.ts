import { demand, type Need } from '../access.ts';
import { ApiError, invalid, notFound } from '../errors.ts';
import { textOf } from '../json.ts';
import type { Account, Issue } from '../model.ts';
import { isPull, type PullIssue } from '../render/pulls.ts';
import { type Call, numberParam, type RepoCall } from '../routes.ts';

/**
 * The issue of the path. A pull request is an issue too, for which the permission for pull requests is enough; for an
 * issue it is not.
 */
export function issueOf(call: RepoCall, level: 'read' | 'write'): Issue {
  const { world, repo, caller } = call;
  const issue = world.state.issueNumbered(repo, numberParam(call, 'number'));
  if (!issue) throw notFound();
  const needs: Need[] = [`issues:${level}`, ...(issue.pull ? ([`pull_requests:${level}`] as Need[]) : [])];
  demand(world.state, caller, repo, needs);
  return issue;
}

/** The pull request of the path. */
export function pullOf(call: RepoCall): PullIssue {
  const issue = call.world.state.issueNumbered(call.repo, numberParam(call, 'number'));
  if (!issue || !isPull(issue)) throw notFound();
  return issue;
}

/** A field of the body that has to be there. */
export function required(call: Call, resource: string, field: string): string {
  const text = textOf(call.body, field);
  if (text === undefined || text.trim() === '') throw invalid(resource, field, 'missing_field');
  return text;
}

/** The accounts of these names; 422 for a name that nobody has. */
export function accountsNamed(
  call: Call,
  logins: readonly string[],
  resource: string,
  field: string,
): Account[] {
  return logins.map((login) => {
    const account = call.world.state.accountNamed(login);
    if (!account) throw invalid(resource, field, 'invalid');
    return account;
  });
}

/** The time of `since`, or the beginning of time. */
export function sinceOf(call: Call): number {
  const text = call.query.get('since');
  if (text === null) return 0;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new ApiError(422, `Invalid since: ${text}`);
  return at;
}

/** Sorted by the time that `sort` names, in the direction asked for. */
export function sorted<T extends { createdAt: number; updatedAt: number; id: number }>(
  call: Call,
  items: readonly T[],
  fallback: { sort: 'created' | 'updated'; direction: 'asc' | 'desc' },
): T[] {
  const sort = call.query.get('sort') ?? fallback.sort;
  const direction = call.query.get('direction') ?? fallback.direction;
  const timeOf = (item: T): number => (sort === 'updated' ? item.updatedAt : item.createdAt);
  const ascending = items.toSorted((a, b) => timeOf(a) - timeOf(b) || a.id - b.id);
  return direction === 'asc' ? ascending : ascending.toReversed();
}

/** A time as it is shown: what happened in the second of `since` is part of the answer. */
export function secondOf(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
