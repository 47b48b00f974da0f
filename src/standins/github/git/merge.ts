import { log, type Signature } from './commits.ts';
import { git, tryGit } from './run.ts';

export type MergeMethod = 'merge' | 'squash' | 'rebase';

/** The tree of `head` merged into `base`, or undefined when they are in conflict. */
export async function mergeTree(dir: string, base: string, head: string): Promise<string | undefined> {
  const { code, text, errorText } = await tryGit(dir, [
    'merge-tree',
    '--write-tree',
    '--no-messages',
    base,
    head,
  ]);
  if (code === 0) return text.trim();
  // 1 is a conflict; git that knows no common history says so with another code.
  if (code === 1 || errorText.includes('unrelated histories')) return undefined;
  throw new Error(`git merge-tree ended with ${code}: ${errorText}`);
}

export interface MergeRequest {
  readonly method: MergeMethod;
  readonly base: string;
  readonly head: string;
  readonly message: string;
  readonly author: Signature;
}

/** Makes the commit that a merge leaves on the base branch; undefined when there is a conflict. It moves no ref. */
export async function makeMerge(dir: string, request: MergeRequest): Promise<string | undefined> {
  const { base, head, author } = request;
  if (request.method === 'rebase') return rebase(dir, request);
  const tree = await mergeTree(dir, base, head);
  if (tree === undefined) return undefined;
  const parents = request.method === 'merge' ? [base, head] : [base];
  return commitTree(dir, { tree, parents, message: request.message, author });
}

/** Only commits that already stand on the base branch: this stand-in rewrites no trees. */
async function rebase(dir: string, { base, head, author }: MergeRequest): Promise<string | undefined> {
  const { code } = await tryGit(dir, ['merge-base', '--is-ancestor', base, head]);
  if (code !== 0) return undefined;
  let parent = base;
  for (const commit of (await log(dir, [`${base}..${head}`])).toReversed()) {
    parent = await commitTree(dir, {
      tree: commit.tree,
      parents: [parent],
      message: commit.message,
      author: commit.author,
      committer: author,
    });
  }
  return parent;
}

interface NewCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string;
  readonly author: Signature;
  readonly committer?: Signature;
}

async function commitTree(dir: string, commit: NewCommit): Promise<string> {
  const { author, committer = { ...author, name: 'GitHub', email: 'noreply@github.com' } } = commit;
  const text = await git(
    dir,
    ['commit-tree', ...commit.parents.flatMap((each) => ['-p', each]), commit.tree],
    {
      input: commit.message,
      env: {
        GIT_AUTHOR_NAME: author.name,
        GIT_AUTHOR_EMAIL: author.email,
        GIT_AUTHOR_DATE: `${Math.floor(author.at / 1000)} +0000`,
        GIT_COMMITTER_NAME: committer.name,
        GIT_COMMITTER_EMAIL: committer.email,
        GIT_COMMITTER_DATE: `${Math.floor(committer.at / 1000)} +0000`,
      },
    },
  );
  return text.trim();
}
