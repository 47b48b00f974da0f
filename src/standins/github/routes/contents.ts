import { ApiError, notFound } from '../errors.ts';
import { git } from '../git/run.ts';
import { repoPage, repoUrl } from '../render/accounts.ts';
import { type Answer, type RepoCall, type Route, readRoute } from '../routes.ts';
import { commitNamed } from './commits.ts';

/** Files and folders at a commit. */
export const contentRoutes: readonly Route[] = [
  readRoute('/contents', 'contents:read', contents),
  readRoute('/contents/*', 'contents:read', contents),
];

interface TreeEntry {
  readonly mode: string;
  readonly sha: string;
  readonly size: number;
  readonly path: string;
}

async function contents(call: RepoCall): Promise<Answer> {
  const { world, repo, query } = call;
  if (repo.refs.size === 0) throw new ApiError(404, 'This repository is empty.');
  const ref = query.get('ref') ?? repo.defaultBranch;
  const commit = await commitNamed(call, ref);
  const path = (call.params['*'] ?? '').replace(/^\/+|\/+$/g, '');
  const dir = world.repos.dir(repo.id);
  if (path === '') return { body: (await tree(dir, commit, [])).map((entry) => show(call, ref, entry)) };
  const [entry] = await tree(dir, commit, [path]);
  if (!entry) throw notFound();
  if (entry.mode === '040000') {
    return { body: (await tree(dir, commit, [`${path}/`])).map((each) => show(call, ref, each)) };
  }
  if (entry.mode === '160000') return { body: { ...show(call, ref, entry), submodule_git_url: null } };
  const text = await git(dir, ['cat-file', 'blob', entry.sha], { encoding: 'base64' });
  return { body: { ...show(call, ref, entry), content: text.replace(/.{60}/g, '$&\n'), encoding: 'base64' } };
}

async function tree(dir: string, commit: string, path: readonly string[]): Promise<TreeEntry[]> {
  const text = await git(dir, ['ls-tree', '-z', '-l', commit, '--', ...path]);
  const entries = text.split('\0').filter((entry) => entry !== '');
  return entries.map((entry) => {
    const [meta = '', name = ''] = entry.split('\t');
    const [mode = '', , sha = '', size] = meta.split(/ +/);
    return { mode, sha, size: Number(size) || 0, path: name };
  });
}

function show({ world, repo }: RepoCall, ref: string, entry: TreeEntry): Record<string, unknown> {
  const path = entry.path.split('/').map(encodeURIComponent).join('/');
  const url = `${repoUrl(world, repo)}/contents/${path}?ref=${ref}`;
  const page = `${repoPage(world, repo)}/blob/${ref}/${path}`;
  const isFolder = entry.mode === '040000';
  const gitUrl = `${repoUrl(world, repo)}/git/${isFolder ? 'trees' : 'blobs'}/${entry.sha}`;
  return {
    name: entry.path.split('/').at(-1),
    path: entry.path,
    sha: entry.sha,
    size: entry.size,
    url,
    html_url: page,
    git_url: gitUrl,
    download_url: isFolder ? null : `${repoPage(world, repo)}/raw/${ref}/${path}`,
    type: isFolder
      ? 'dir'
      : entry.mode === '160000'
        ? 'submodule'
        : entry.mode === '120000'
          ? 'symlink'
          : 'file',
    _links: { self: url, git: gitUrl, html: page },
  };
}
