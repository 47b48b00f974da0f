import {
  type At,
  foundBefore,
  isLogin,
  isMarked,
  lower,
  marked,
  type Of,
  openIssue,
  type WriteOptions,
  WriteRefused,
  type Written,
} from './write-tools.ts';

const PAGE = 100;
/** Older ones are not looked through: what we look for was written since the task began. */
const ISSUE_PAGES = 3;

/** Opens an issue. */
export async function createIssue(
  { title, body, labels }: Of<'issue-create'>,
  { octokit, where }: At,
  options: WriteOptions,
): Promise<Written> {
  const { marker, onTrying } = options;
  const there = await foundBefore(() => findIssue({ octokit, where }, options), options);
  if (there) return { ...there, already: true };
  await onTrying();
  const { data } = await octokit.rest.issues.create({ ...where, title, body: marked(body, marker), labels });
  return { url: data.html_url, number: data.number, already: false };
}

async function findIssue({ octokit, where }: At, { login, marker }: WriteOptions) {
  const query = { ...where, state: 'all', sort: 'created', direction: 'desc' } as const;
  for (let page = 1; page <= ISSUE_PAGES; page++) {
    const { data } = await octokit.rest.issues.listForRepo({ ...query, per_page: PAGE, page });
    const found = data.find(({ body, user }) => isLogin(user?.login, login) && isMarked(body, marker));
    if (found) return { url: found.html_url, number: found.number };
    if (data.length < PAGE) break;
  }
  return undefined;
}

/** Comments, or writes the comment anew that has the same mark. */
export async function upsertComment(
  { number, body }: Of<'comment-upsert'>,
  { octokit, where }: At,
  options: WriteOptions,
): Promise<Written> {
  const { marker, onTrying } = options;
  await openIssue({ octokit, where }, number);
  const wanted = marked(body, marker);
  const there = await foundBefore(() => findComment({ octokit, where }, number, options), options);
  if (!there) {
    await onTrying();
    const { data } = await octokit.rest.issues.createComment({
      ...where,
      issue_number: number,
      body: wanted,
    });
    return { url: data.html_url, number, already: false };
  }
  if (there.body !== wanted)
    await octokit.rest.issues.updateComment({ ...where, comment_id: there.id, body: wanted });
  return { url: there.html_url, number, already: there.body === wanted };
}

async function findComment({ octokit, where }: At, number: number, { login, marker }: WriteOptions) {
  const query = { ...where, issue_number: number, per_page: PAGE };
  for await (const { data } of octokit.paginate.iterator(octokit.rest.issues.listComments, query)) {
    const found = data.find(({ body, user }) => isLogin(user?.login, login) && isMarked(body, marker));
    if (found) return found;
  }
  return undefined;
}

/** Puts labels on and takes them off; those of others stay. */
export async function setLabels(
  { number, add, remove }: Of<'label-set'>,
  { octokit, where }: At,
): Promise<Written> {
  const own = [...add, ...remove].find((name) => name.toLowerCase().startsWith('olympus:'));
  if (own) throw new WriteRefused(`the label ${own} is for people: agents neither set nor remove it`);
  const issue = await openIssue({ octokit, where }, number);
  const has = new Set(issue.labels.map((label) => lower(typeof label === 'string' ? label : label.name)));
  const missing = add.filter((name) => !has.has(lower(name)));
  const extra = remove.filter((name) => has.has(lower(name)));
  if (missing.length > 0)
    await octokit.rest.issues.addLabels({ ...where, issue_number: number, labels: missing });
  for (const name of extra) {
    await octokit.rest.issues.removeLabel({ ...where, issue_number: number, name });
  }
  return { url: issue.html_url, number, already: missing.length + extra.length === 0 };
}
