import assert from 'node:assert/strict';
import { Action, actionHash } from '#core/action.ts';
import { actionOf, repositoryOf } from '#core/github-action.ts';
import { GitHubWrite } from '#core/github-write.ts';

describe('what is written to GitHub', () => {
  const issue = { kind: 'issue-create', repo: 'acme/web', title: 'Log in', body: 'It does not.' } as const;

  it('is an action of its repository, with all that is written', () => {
    const action = Action.parse(actionOf('athena', GitHubWrite.parse(issue)));

    assert.deepEqual(action, {
      kind: 'github.issue-create',
      target: 'acme/web',
      params: { title: 'Log in', body: 'It does not.', labels: [] },
    });
    assert.equal(repositoryOf(action), 'acme/web');
  });

  it('is an action of its issue, where it is about one', () => {
    const comment = GitHubWrite.parse({ kind: 'comment-upsert', repo: 'acme/web', number: 7, body: 'Yes.' });
    const action = actionOf('athena', comment);

    assert.deepEqual(action, {
      kind: 'github.comment-upsert',
      target: 'acme/web#7',
      params: { slot: 'note', body: 'Yes.' },
    });
    assert.equal(repositoryOf(action), 'acme/web');
  });

  it('is another action with another letter', async () => {
    const hashes = [issue, { ...issue, title: 'Log on' }, { ...issue, repo: 'acme/api' }].map((each) =>
      actionHash(actionOf('athena', GitHubWrite.parse(each))),
    );
    assert.equal(new Set(await Promise.all(hashes)).size, 3);
  });

  it('is nothing of a repository, where it is not ours to write', () => {
    assert.equal(repositoryOf({ kind: 'deploy.production', target: 'acme/web' }), undefined);
  });

  for (const [what, wrong, sentence] of [
    ['a repository without its owner', { ...issue, repo: 'web' }, /write a repository as owner\/name/],
    ['a way out of the repository', { ...issue, repo: '../..' }, /write a repository as owner\/name/],
    ['no title', { ...issue, title: '  ' }, /write a title/],
    ['a body that does not fit', { ...issue, body: 'x'.repeat(40_001) }, /at most 40000 characters/],
    ['a field that there is not', { ...issue, assignee: 'me' }, /assignee/],
    ['no issue', { kind: 'label-set', repo: 'acme/web', number: 0 }, /too small|number/i],
  ] as const) {
    it(`is refused with ${what}`, () => {
      const parsed = GitHubWrite.safeParse(wrong);
      assert.ok(!parsed.success);
      assert.match(parsed.error.message, sentence);
    });
  }
});
