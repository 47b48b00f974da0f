import type { Need } from './access.ts';
import type { Actor, Caller } from './caller.ts';
import { ApiError } from './errors.ts';
import type { JsonObject } from './json.ts';
import type { App, Repo } from './model.ts';
import type { Budget } from './rate-limits.ts';
import type { World } from './world.ts';

/** A request as a route sees it. */
export interface Call {
  readonly world: World;
  readonly caller: Caller;
  readonly budget: Budget;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly accept: string;
  readonly body: JsonObject;
  /** The address it was asked at, for the links to other pages. */
  readonly url: URL;
}

export interface ActorCall extends Call {
  readonly caller: Actor;
}

export interface AppCall extends Call {
  readonly app: App;
}

/** A request about a repository that the caller may see, with a permission that was asked for. */
export interface RepoCall extends Call {
  readonly repo: Repo;
}

/** The same of somebody with a token. */
export interface WriteCall extends RepoCall {
  readonly caller: Actor;
}

/** What a route answers; `status` is 200 unless it says otherwise. Without `body` there is none. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Sent instead of JSON: a diff. */
  readonly text?: string;
}

type Run<C extends Call> = (call: C) => Promise<Answer> | Answer;
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One line of the API. */
export interface Route {
  readonly method: Method;
  readonly path: string;
  readonly access:
    | { readonly by: 'anybody'; readonly run: Run<Call> }
    | { readonly by: 'actor'; readonly run: Run<ActorCall> }
    | { readonly by: 'app'; readonly run: Run<AppCall> }
    | { readonly by: 'reader'; readonly needs: readonly Need[]; readonly run: Run<RepoCall> }
    | { readonly by: 'writer'; readonly needs: readonly Need[]; readonly run: Run<WriteCall> };
}

export function publicRoute(method: Method, path: string, run: Run<Call>): Route {
  return { method, path, access: { by: 'anybody', run } };
}

/** For whoever has a token of GitHub's own. */
export function actorRoute(method: Method, path: string, run: Run<ActorCall>): Route {
  return { method, path, access: { by: 'actor', run } };
}

/** For an app that signs with its key. */
export function appRoute(method: Method, path: string, run: Run<AppCall>): Route {
  return { method, path, access: { by: 'app', run } };
}

/** Reads below a repository; one of `needs`, parted by `|`, is enough. */
export function readRoute(path: string, needs: string, run: Run<RepoCall>): Route {
  return {
    method: 'GET',
    path: `/repos/:owner/:repo${path}`,
    access: { by: 'reader', needs: list(needs), run },
  };
}

/** Writes below a repository. */
export function writeRoute(
  method: Exclude<Method, 'GET'>,
  path: string,
  needs: string,
  run: Run<WriteCall>,
): Route {
  return { method, path: `/repos/:owner/:repo${path}`, access: { by: 'writer', needs: list(needs), run } };
}

function list(needs: string): Need[] {
  return needs.split('|') as Need[];
}

/** A number out of the path; whatever else is there is a 404. */
export function numberParam(call: Call, name: string): number {
  const text = call.params[name] ?? '';
  if (!/^\d+$/.test(text)) throw new ApiError(404, 'Not Found');
  return Number(text);
}

/** One page of a list, with the links to the others in the `Link` header. */
export function page<T>(call: Call, items: readonly T[], show: (slice: T[]) => unknown = (it) => it): Answer {
  const size = Math.min(positive(call.query.get('per_page')) ?? 30, 100);
  const number = positive(call.query.get('page')) ?? 1;
  const last = Math.max(Math.ceil(items.length / size), 1);
  const link = (to: number, rel: string): string => {
    const url = new URL(call.url);
    url.searchParams.set('page', String(to));
    return `<${url.href}>; rel="${rel}"`;
  };
  const links = [
    ...(number > 1 ? [link(number - 1, 'prev')] : []),
    ...(number < last ? [link(number + 1, 'next'), link(last, 'last')] : []),
    ...(number > 1 ? [link(1, 'first')] : []),
  ];
  return {
    body: show(items.slice((number - 1) * size, number * size)),
    headers: links.length === 0 ? {} : { link: links.join(', ') },
  };
}

function positive(text: string | null): number | undefined {
  const value = Number(text ?? '');
  return Number.isInteger(value) && value > 0 ? value : undefined;
}
