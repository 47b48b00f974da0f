import type { Action } from './action.ts';
import type { GitHubWrite } from './github-write.ts';

/** What the kinds of these actions begin with; policies name them `github.issue-create` or `github.*`. */
export const GITHUB_KIND = 'github.';
const SHOWN_FILES = 50;

/** As what people, and the policies, see it. The same write of the same agent is the same action. */
export function actionOf(agent: string, { kind, repo: name, ...rest }: GitHubWrite): Action {
  const { number: of, slug, ...others } = { number: undefined, slug: undefined, ...rest };
  const params = slug === undefined ? others : { ...others, branch: branchOf(agent, slug) };
  return { kind: `${GITHUB_KIND}${kind}`, target: of === undefined ? name : `${name}#${of}`, params };
}

/** A branch that the agent hands in, as people and the policies see it: exactly these commits. */
export function pushOf(pushed: {
  readonly repo: string;
  readonly branch: string;
  readonly sha: string;
  readonly base: string;
  readonly commits: number;
  readonly files: readonly string[];
}): Action {
  const { repo: target, files, ...params } = pushed;
  const more = files.length - SHOWN_FILES;
  const shown = more > 0 ? [...files.slice(0, SHOWN_FILES), `and ${more} more`] : files;
  return { kind: `${GITHUB_KIND}branch-push`, target, params: { ...params, files: shown } };
}

/** Where this agent may have its branches. */
export function branchOf(agent: string, slug: string): string {
  return `agent/${agent}/${slug}`;
}

/** What a token has to allow for one kind of action, by the names that GitHub has for it; undefined for one that is not ours. */
export function permissionsOf(kind: string): Readonly<Record<string, 'read' | 'write'>> | undefined {
  switch (kind) {
    case 'github.issue-create':
    case 'github.comment-upsert':
    case 'github.label-set':
      return { issues: 'write' };
    case 'github.branch-push':
      return { contents: 'write', pull_requests: 'read', issues: 'read' };
    case 'github.pr-open':
      return { pull_requests: 'write', contents: 'read', issues: 'read' };
    default:
      return undefined;
  }
}

/** In which repository an action of ours writes; undefined for one that is not. */
export function repositoryOf({ kind, target }: Pick<Action, 'kind' | 'target'>): string | undefined {
  return permissionsOf(kind) ? target.split('#')[0] : undefined;
}

/** Whether an action is about a branch, and that is none of this agent's. */
export function isForeignBranch({ params }: Pick<Action, 'params'>, agent: string): boolean {
  const { branch } = params;
  return branch !== undefined && !(typeof branch === 'string' && branch.startsWith(branchOf(agent, '')));
}
