import type { CommitInfo, Signature } from '../git/commits.ts';
import type { FileChange } from '../git/diff.ts';
import { timeText } from '../json.ts';
import type { Repo } from '../model.ts';
import type { World } from '../world.ts';
import { repoPage, repoUrl, showUser } from './accounts.ts';

const UNSIGNED = { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null };

/** A commit with who made it, looked up by the address of its signature. */
export function showCommit(world: World, repo: Repo, commit: CommitInfo): Record<string, unknown> {
  const url = repoUrl(world, repo);
  return {
    url: `${url}/commits/${commit.sha}`,
    sha: commit.sha,
    node_id: `C_${commit.sha.slice(0, 20)}`,
    html_url: `${repoPage(world, repo)}/commit/${commit.sha}`,
    comments_url: `${url}/commits/${commit.sha}/comments`,
    commit: {
      url: `${url}/git/commits/${commit.sha}`,
      author: showSignature(commit.author),
      committer: showSignature(commit.committer),
      message: commit.message,
      tree: { url: `${url}/git/trees/${commit.tree}`, sha: commit.tree },
      comment_count: 0,
      verification: UNSIGNED,
    },
    author: accountOf(world, commit.author),
    committer: accountOf(world, commit.committer),
    parents: showParents(world, repo, commit),
  };
}

/** A commit as git itself has it. */
export function showGitCommit(world: World, repo: Repo, commit: CommitInfo): Record<string, unknown> {
  const url = repoUrl(world, repo);
  return {
    sha: commit.sha,
    node_id: `C_${commit.sha.slice(0, 20)}`,
    url: `${url}/git/commits/${commit.sha}`,
    html_url: `${repoPage(world, repo)}/commit/${commit.sha}`,
    author: showSignature(commit.author),
    committer: showSignature(commit.committer),
    tree: { sha: commit.tree, url: `${url}/git/trees/${commit.tree}` },
    message: commit.message,
    parents: showParents(world, repo, commit),
    verification: UNSIGNED,
  };
}

function showParents(world: World, repo: Repo, commit: CommitInfo): object[] {
  return commit.parents.map((sha) => ({
    url: `${repoUrl(world, repo)}/commits/${sha}`,
    sha,
    html_url: `${repoPage(world, repo)}/commit/${sha}`,
  }));
}

function showSignature({ name, email, at }: Signature): Record<string, unknown> {
  return { name, email, date: timeText(at) };
}

function accountOf(world: World, { email }: Signature): Record<string, unknown> | null {
  const account = [...world.state.accounts.values()].find((each) => each.email === email);
  return account ? showUser(world, account) : null;
}

export function showFile(world: World, repo: Repo, ref: string, file: FileChange): Record<string, unknown> {
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  return {
    sha: file.sha,
    filename: file.path,
    status: file.status,
    additions: file.additions,
    deletions: file.deletions,
    changes: file.additions + file.deletions,
    blob_url: `${repoPage(world, repo)}/blob/${ref}/${path}`,
    raw_url: `${repoPage(world, repo)}/raw/${ref}/${path}`,
    contents_url: `${repoUrl(world, repo)}/contents/${path}?ref=${ref}`,
    ...(file.patch === undefined ? {} : { patch: file.patch }),
    ...(file.previousPath === undefined ? {} : { previous_filename: file.previousPath }),
  };
}

export function showRef(world: World, repo: Repo, ref: string, sha: string): Record<string, unknown> {
  const url = repoUrl(world, repo);
  return {
    ref,
    node_id: `REF_${Buffer.from(ref).toString('base64url')}`,
    url: `${url}/git/${ref}`,
    object: { sha, type: 'commit', url: `${url}/git/commits/${sha}` },
  };
}

/** The head of a push event, and each of its commits. */
export function showPushedCommit(world: World, repo: Repo, commit: CommitInfo): Record<string, unknown> {
  const person = ({ name, email }: Signature): object => {
    const account = [...world.state.accounts.values()].find((each) => each.email === email);
    return { name, email, ...(account ? { username: account.login } : {}) };
  };
  return {
    id: commit.sha,
    tree_id: commit.tree,
    distinct: true,
    message: commit.message,
    timestamp: timeText(commit.committer.at),
    url: `${repoPage(world, repo)}/commit/${commit.sha}`,
    author: person(commit.author),
    committer: person(commit.committer),
    added: [],
    removed: [],
    modified: [],
  };
}
