import { git, tryGit } from './run.ts';

export interface Signature {
  readonly name: string;
  readonly email: string;
  readonly at: number;
}

export interface CommitInfo {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
}

const FORMAT = ['%H', '%T', '%P', '%an', '%ae', '%at', '%cn', '%ce', '%ct', '%B'].join('%x00');

/** The commits of a range, newest first; `paging` skips and limits. */
export async function log(
  dir: string,
  range: readonly string[],
  paging: readonly string[] = [],
): Promise<CommitInfo[]> {
  const text = await git(dir, ['log', '-z', `--format=${FORMAT}%x01`, ...paging, ...range, '--']);
  return text
    .split('\u0001')
    .map((entry) => entry.replace(/^\0/, ''))
    .filter((entry) => entry !== '')
    .map(readEntry);
}

export async function readCommit(dir: string, revision: string): Promise<CommitInfo> {
  const [commit] = await log(dir, [revision], ['-1']);
  if (!commit) throw new Error(`git log shows nothing for ${revision}`);
  return commit;
}

/** The best common ancestor; undefined when the two have nothing in common. */
export async function mergeBase(dir: string, one: string, other: string): Promise<string | undefined> {
  const { code, text } = await tryGit(dir, ['merge-base', one, other]);
  return code === 0 ? text.trim() : undefined;
}

export async function count(dir: string, range: string): Promise<number> {
  return Number(await git(dir, ['rev-list', '--count', range]));
}

function readEntry(entry: string): CommitInfo {
  const [sha, tree, parents, an, ae, at, cn, ce, ct, ...message] = entry.split('\0');
  return {
    sha: sha ?? '',
    tree: tree ?? '',
    parents: (parents ?? '').split(' ').filter((parent) => parent !== ''),
    author: { name: an ?? '', email: ae ?? '', at: Number(at) * 1000 },
    committer: { name: cn ?? '', email: ce ?? '', at: Number(ct) * 1000 },
    message: message.join('\0').trimEnd(),
  };
}
