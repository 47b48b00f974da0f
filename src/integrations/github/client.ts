import type { Octokit } from 'octokit';
import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';
import { withDeadline } from '#lib/deadline.ts';
import { githubError } from './github-error.ts';
import { CheckRun, Comment, DeliveryAttempt, Issue, IssueEvent, PullRequest, Review } from './objects.ts';
import { loadOctokit } from './octokit.ts';
import { type CommentOn, type GithubReader, type Listed, PAGE, type Since } from './reader.ts';

/** Who we are at GitHub: an App in one of its installations, with its private key, or an account with a token. */
export type Credentials =
  | { readonly app: number; readonly installation: number; readonly privateKey: string }
  | { readonly token: string };

export interface GithubOptions {
  /** `https://api.github.com`, or `https://<host>/api/v3`. */
  readonly url: string;
  readonly credentials: Credentials;
  readonly clock: Clock;
}

/** How long one answer may take, with what octokit tries again of itself. */
const CALL_MS = 30_000;
const MOST_PAGES = 10;

type Params = Readonly<Record<string, unknown>>;
/** Whom a request is made as. The App itself has no part in repositories. */
type As = 'installation' | 'app';
interface Clients {
  readonly installation: Octokit;
  readonly app: Octokit | undefined;
}

/** Reads GitHub as one identity. */
export function createGithubReader(options: GithubOptions): GithubReader {
  const { credentials, clock } = options;
  let clients: Promise<Clients> | undefined;

  /** One answer as `schema`; undefined where it is as it was. */
  async function ask<T extends z.ZodType>(
    what: string,
    route: string,
    given: {
      readonly params?: Params;
      readonly schema: T;
      readonly etag?: string | undefined;
      readonly as?: As;
    },
    signal: AbortSignal,
  ): Promise<
    { readonly value: z.output<T>; readonly etag: string | undefined; readonly link: string } | undefined
  > {
    const { params = {}, schema, etag, as = 'installation' } = given;
    const headers = etag === undefined ? {} : { 'if-none-match': etag };
    try {
      return await withDeadline(what, CALL_MS, signal, async (both) => {
        clients ??= connect(options);
        const octokit = (await clients)[as];
        if (!octokit) throw new Error('only an App can be asked this');
        const answer = await octokit.request(route, { ...params, headers, request: { signal: both } });
        return {
          value: schema.parse(answer.data),
          etag: answer.headers.etag,
          link: answer.headers.link ?? '',
        };
      });
    } catch (error) {
      if (etag !== undefined && error instanceof Error && 'status' in error && error.status === 304)
        return undefined;
      signal.throwIfAborted();
      throw githubError(what, error, clock.now());
    }
  }

  async function list<T extends z.ZodType>(
    what: string,
    route: string,
    given: { readonly params: Params; readonly schema: T; readonly etag?: string | undefined },
    signal: AbortSignal,
  ): Promise<Listed<z.output<T>>> {
    const answer = await ask(what, route, { ...given, schema: z.array(given.schema) }, signal);
    return answer ? { kind: 'listed', items: answer.value, etag: answer.etag } : { kind: 'unchanged' };
  }

  /** All pages of a list that is short as a rule. */
  async function all<T extends z.ZodType>(
    what: string,
    route: string,
    given: { readonly params: Params; readonly schema: T },
    signal: AbortSignal,
  ): Promise<z.output<T>[]> {
    const items: z.output<T>[] = [];
    for (let page = 1; page <= MOST_PAGES; page += 1) {
      const params = { ...given.params, per_page: PAGE, page };
      const listed = await list(what, route, { ...given, params }, signal);
      if (listed.kind === 'unchanged') break;
      items.push(...listed.items);
      if (listed.items.length < PAGE) break;
    }
    return items;
  }

  async function commentsOf(
    what: string,
    route: string,
    repo: string,
    given: Since,
    signal: AbortSignal,
  ): Promise<readonly CommentOn[]> {
    const params = { ...placeOf(repo), ...changed(given) };
    const listed = await list(`${what} of ${repo}`, route, { params, schema: Placed }, signal);
    return listed.kind === 'listed' ? listed.items : [];
  }

  return {
    issues: (repo, { etag, ...since }, signal) =>
      list(
        `issues of ${repo}`,
        'GET /repos/{owner}/{repo}/issues',
        { params: { ...placeOf(repo), state: 'all', ...changed(since) }, schema: Issue, etag },
        signal,
      ),
    comments: (repo, given, signal) =>
      commentsOf('comments', 'GET /repos/{owner}/{repo}/issues/comments', repo, given, signal),
    lineComments: (repo, given, signal) =>
      commentsOf('comments at lines', 'GET /repos/{owner}/{repo}/pulls/comments', repo, given, signal),
    async pull(repo, number, signal) {
      const params = { ...placeOf(repo), number };
      const route = 'GET /repos/{owner}/{repo}/pulls/{number}';
      const answer = await ask(
        `pull request ${repo}#${number}`,
        route,
        { params, schema: PullRequest },
        signal,
      );
      if (!answer) throw new Error('an answer without a tag is never as it was');
      return answer.value;
    },
    reviews: (repo, number, signal) =>
      all(
        `reviews of ${repo}#${number}`,
        'GET /repos/{owner}/{repo}/pulls/{number}/reviews',
        { params: { ...placeOf(repo), number }, schema: Review },
        signal,
      ),
    events: (repo, number, signal) =>
      all(
        `events of ${repo}#${number}`,
        'GET /repos/{owner}/{repo}/issues/{number}/events',
        { params: { ...placeOf(repo), number }, schema: IssueEvent },
        signal,
      ),
    async checks(repo, sha, etag, signal) {
      const params = { ...placeOf(repo), sha, status: 'completed', per_page: PAGE };
      const route = 'GET /repos/{owner}/{repo}/commits/{sha}/check-runs';
      const given = { params, schema: z.object({ check_runs: z.array(CheckRun) }), etag };
      const answer = await ask(`checks of ${repo} at ${sha}`, route, given, signal);
      return answer
        ? { kind: 'listed', items: answer.value.check_runs, etag: answer.etag }
        : { kind: 'unchanged' };
    },
    async attempts(since, signal) {
      if ('token' in credentials) return [];
      const found: DeliveryAttempt[] = [];
      let cursor: string | undefined;
      for (let page = 1; page <= MOST_PAGES; page += 1) {
        const params = { per_page: PAGE, ...(cursor === undefined ? {} : { cursor }) };
        const given = { params, schema: z.array(DeliveryAttempt), as: 'app' as const };
        const answer = await ask('deliveries of the App', 'GET /app/hook/deliveries', given, signal);
        found.push(...(answer?.value ?? []));
        cursor = /[?&]cursor=([^&>]+)[^>]*>; rel="next"/.exec(answer?.link ?? '')?.[1];
        if (cursor === undefined || (found.at(-1)?.delivered_at ?? 0) < since) break;
      }
      return found.filter(({ delivered_at: at }) => at >= since);
    },
    async redeliver(attempt, signal) {
      const route = 'POST /app/hook/deliveries/{attempt}/attempts';
      await ask(
        'a delivery once more',
        route,
        { params: { attempt }, schema: z.unknown(), as: 'app' },
        signal,
      );
    },
  };
}

/** Comments name what they stand on by its address. */
const Placed = Comment.extend({
  issue_url: z.string().optional(),
  pull_request_url: z.string().optional(),
}).transform(({ issue_url: issue, pull_request_url: pull, ...comment }) => ({
  ...comment,
  number: Number(/\/(\d+)$/.exec(issue ?? pull ?? '')?.[1] ?? 0),
}));

function changed({ since, page }: Since): Params {
  return { sort: 'updated', direction: 'asc', since: new Date(since).toISOString(), per_page: PAGE, page };
}

function placeOf(repo: string): Params {
  const [owner, name] = repo.split('/');
  return { owner, repo: name };
}

async function connect({ url, credentials }: GithubOptions): Promise<Clients> {
  const { app, Octokit } = await loadOctokit(url);
  if ('token' in credentials)
    return { installation: new Octokit({ auth: credentials.token }), app: undefined };
  const ours = app(credentials);
  return { installation: await ours.getInstallationOctokit(credentials.installation), app: ours.octokit };
}
