import { notFound, unprocessable } from '../errors.ts';
import { count, log, mergeBase, readCommit } from '../git/commits.ts';
import { changedFiles, diffText } from '../git/diff.ts';
import { repoPage, repoUrl } from '../render/accounts.ts';
import { showCommit, showFile, showGitCommit } from '../render/commits.ts';
import { type Answer, page, type RepoCall, type Route, readRoute } from '../routes.ts';
import { notEmpty } from './refs.ts';

const READ = 'contents:read';

/** Commits, and how two of them differ. */
export const commitRoutes: readonly Route[] = [
  readRoute('/commits', READ, async (call) => {
    const { world, repo, query } = call;
    notEmpty(repo);
    const from = await commitNamed(call, query.get('sha') ?? repo.defaultBranch);
    const commits = await log(world.repos.dir(repo.id), [from], ['--max-count=1000']);
    return page(call, commits, (slice) => slice.map((commit) => showCommit(world, repo, commit)));
  }),

  readRoute('/commits/:ref', READ, async (call) => {
    const { world, repo } = call;
    notEmpty(repo);
    const sha = await commitNamed(call, call.params['ref'] ?? '');
    const dir = world.repos.dir(repo.id);
    const commit = await readCommit(dir, sha);
    // The empty tree, before the first commit.
    const before = commit.parents[0] ?? '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
    if (/\.diff\b/.test(call.accept)) return { text: await diffText(dir, `${before}..${sha}`) };
    const files = (await changedFiles(dir, `${before}..${sha}`)).map((file) =>
      showFile(world, repo, sha, file),
    );
    return { body: { ...showCommit(world, repo, commit), stats: statsOf(files), files } };
  }),

  readRoute('/git/commits/:sha', READ, async (call) => {
    const { world, repo } = call;
    const sha = await commitNamed(call, call.params['sha'] ?? '');
    return { body: showGitCommit(world, repo, await readCommit(world.repos.dir(repo.id), sha)) };
  }),

  readRoute('/compare/*', READ, compare),
];

async function compare(call: RepoCall): Promise<Answer> {
  const { world, repo } = call;
  notEmpty(repo);
  const [baseName = '', headName = ''] = (call.params['*'] ?? '').split('...');
  const [base, head] = [await commitNamed(call, baseName), await commitNamed(call, headName)];
  const dir = world.repos.dir(repo.id);
  const shared = await mergeBase(dir, base, head);
  if (shared === undefined) throw notFound();
  if (/\.diff\b/.test(call.accept)) return { text: await diffText(dir, `${shared}..${head}`) };
  const ahead = await log(dir, [`${base}..${head}`], ['--max-count=250']);
  const [aheadBy, behindBy] = [await count(dir, `${base}..${head}`), await count(dir, `${head}..${base}`)];
  const files = await changedFiles(dir, `${shared}..${head}`);
  const pageUrl = `${repoPage(world, repo)}/compare/${baseName}...${headName}`;
  const status =
    aheadBy > 0 && behindBy > 0 ? 'diverged' : aheadBy > 0 ? 'ahead' : behindBy > 0 ? 'behind' : 'identical';
  return {
    body: {
      url: `${repoUrl(world, repo)}/compare/${baseName}...${headName}`,
      html_url: pageUrl,
      permalink_url: pageUrl,
      diff_url: `${pageUrl}.diff`,
      patch_url: `${pageUrl}.patch`,
      base_commit: showCommit(world, repo, await readCommit(dir, base)),
      merge_base_commit: showCommit(world, repo, await readCommit(dir, shared)),
      status,
      ahead_by: aheadBy,
      behind_by: behindBy,
      total_commits: aheadBy,
      commits: ahead.toReversed().map((commit) => showCommit(world, repo, commit)),
      files: files.slice(0, 300).map((file) => showFile(world, repo, head, file)),
    },
  };
}

/** The commit of a branch, a tag or a SHA; 422 for a SHA that is not there, 404 for a name that is not. */
export async function commitNamed({ world, repo }: RepoCall, name: string): Promise<string> {
  const named = repo.refs.get(`refs/heads/${name}`) ?? repo.refs.get(`refs/tags/${name}`);
  const sha = named ?? (/^[0-9a-f]{7,40}$/.test(name) ? await world.repos.resolve(repo.id, name) : undefined);
  if (sha !== undefined) return sha;
  if (/^[0-9a-f]{40}$/.test(name)) throw unprocessable(`No commit found for SHA: ${name}`);
  throw notFound();
}

function statsOf(files: readonly Record<string, unknown>[]): object {
  const sum = (field: string): number => files.reduce((total, file) => total + Number(file[field]), 0);
  return { additions: sum('additions'), deletions: sum('deletions'), total: sum('changes') };
}
