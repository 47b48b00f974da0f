import { branchOf } from '#core/github-action.ts';
import {
  type At,
  foundBefore,
  isLogin,
  marked,
  type Of,
  openIssue,
  refuseHeldOrigin,
  type WriteOptions,
  WriteRefused,
  type Written,
} from './write-tools.ts';

/** Opens a pull request of the agent's branch; where one is open already, it says there what is wanted now. */
export async function openPull(
  { slug, base: wanted, title, body }: Of<'pr-open'>,
  { octokit, where }: At,
  options: WriteOptions,
): Promise<Written> {
  await refuseHeldOrigin({ octokit, where }, options);
  const branch = branchOf(options.agent, slug);
  const base = wanted ?? (await octokit.rest.repos.get(where)).data.default_branch;
  const text = { title, body: marked(body, options.marker) };
  const there = await foundBefore(
    () => findPull({ octokit, where }, { branch, base, login: options.login }),
    options,
  );
  if (!there) {
    await options.onTrying();
    const { data } = await octokit.rest.pulls.create({ ...where, head: branch, base, ...text });
    return { url: data.html_url, number: data.number, already: false };
  }
  const { html_url: url, number } = there;
  await openIssue({ octokit, where }, number);
  const already = there.title === text.title && there.body === text.body;
  if (!already) await octokit.rest.pulls.update({ ...where, pull_number: number, ...text });
  return { url, number, already };
}

/** The one that is open; GitHub has at most one for a branch and a base. */
async function findPull(
  { octokit, where }: At,
  { branch, base, login }: { readonly branch: string; readonly base: string; readonly login: string },
) {
  const query = { ...where, head: `${where.owner}:${branch}`, base, state: 'open' } as const;
  const found = (await octokit.rest.pulls.list(query)).data.find(({ head }) => head.ref === branch);
  if (!found || isLogin(found.user?.login, login)) return found;
  throw new WriteRefused(
    `${found.html_url} is open for that branch, and is ${found.user?.login ?? 'somebody else'}'s`,
  );
}
