import assert from 'node:assert/strict';
import { PAGE } from '#integrations/github/reader.ts';
import { acmeSeed, asUser } from '#test/github/house.ts';
import { GithubScene } from '#test/github/scene.ts';
import { openSide } from '#test/github/side.ts';
import { askAgain } from '../../src/control/github/failed-deliveries.ts';

const REPO = '/repos/acme/web';
const NEVER = new AbortController().signal;
const WEB = 'control:gh:acme/web';

describe('what is learnt of GitHub', () => {
  it('is the same by the webhook, by the poll, and by both with half of the webhooks lost and each sent twice', async () => {
    await using heard = await openSide();
    await using polled = await openSide();
    await using both = await openSide({ loses: true });
    const seed = acmeSeed({ hooks: [heard.hook, both.hook] });
    await using github = await GithubScene.open(seed);
    await github.fault({ kind: 'webhook-duplicate' });
    for (const side of [heard, polled, both]) await side.connect(github);
    for (const side of [polled, both]) await side.read();

    await aDay(github);
    await github.admin('GET', '/standin/state'); // when all is told
    for (const side of [heard, both]) await side.done();
    const lost = await both.tasks();
    for (const side of [polled, both]) await side.read();
    for (const side of [polled, both]) await side.read();

    const learnt = [
      `${WEB}:1:given:athena released`,
      `${WEB}:2:given:apollo released`,
      `${WEB}:3:comment:athena released`,
      `${WEB}:6:check-failed:apollo released`,
      `${WEB}:6:review:apollo released`,
      `${WEB}:7:line-comment:athena released`,
      `${WEB}:7:review-wanted:apollo released`,
    ];
    // Begun and ended; who reads of it when it is over does not begin it.
    const ended = `${WEB}:4:given:athena cancelling`;
    const without = (tasks: string[]): string[] => tasks.filter((task) => task !== ended);
    assert.deepEqual(await heard.tasks(), [...learnt, ended].toSorted());
    assert.deepEqual(await polled.tasks(), learnt);
    assert.deepEqual(without(await both.tasks()), learnt);
    assert.ok(
      learnt.some((task) => !lost.includes(task)),
      'webhooks were lost, and the poll found what they told',
    );
  }).timeout(180_000);

  it('costs one conditional request a repository where nothing is new', async () => {
    const repositories = ['acme/web', 'acme/api', 'acme/docs'];
    await using side = await openSide();
    await using github = await GithubScene.open(acmeSeed({ repositories }));
    await side.connect(github, repositories);
    /** What one round of the poll asks for. */
    async function asked(): Promise<string[]> {
      const { last } = await github.admin('GET', '/standin/requests');
      await side.read();
      const { requests } = await github.admin('GET', `/standin/requests?since=${last}`);
      return (requests as { path: string; status: number }[]).map(
        ({ path, status }) => `${status} ${path.split('?')[0]?.replace('/api/v3/repos/acme/', '')}`,
      );
    }
    await side.read();

    const unchanged = ['304 web/issues', '304 api/issues', '304 docs/issues'];
    assert.deepEqual(await asked(), unchanged);
    const bob = asUser(github, 'bob');
    await bob('POST', `${REPO}/issues`, { body: { title: 'new', labels: ['agent:athena'] } });
    assert.deepEqual(await asked(), [
      ...['200 web/issues', '200 web/issues/1/events', '200 web/issues/comments'],
      ...unchanged.slice(1),
    ]);
    await side.read(); // from another time on, of which it has no tag yet
    assert.deepEqual(await asked(), unchanged);
    assert.deepEqual(await side.tasks(), [`${WEB}:1:given:athena released`]);
  }).timeout(90_000);

  it('sees what comes behind a page that is full, though this one is as it was', async () => {
    await using side = await openSide();
    await using github = await GithubScene.open(acmeSeed());
    await side.connect(github);
    await side.read();
    const bob = asUser(github, 'bob');
    for (let each = 1; each <= PAGE + 1; each += 1)
      await bob('POST', `${REPO}/issues`, { body: { title: `issue ${each}` } });
    await side.read();
    await side.read(); // from the time of the newest on

    await bob('POST', `${REPO}/issues`, { body: { title: 'one more', labels: ['agent:athena'] } });
    await side.read();

    assert.deepEqual(await side.tasks(), [`${WEB}:${PAGE + 2}:given:athena released`]);
  }).timeout(90_000);

  it('has what GitHub could not deliver delivered again', async () => {
    await using side = await openSide();
    await using github = await GithubScene.open(acmeSeed({ webhook: side.hook }));
    const reader = await side.connect(github);
    await github.fault({ kind: 'webhook-drop', recorded: true });
    const bob = asUser(github, 'bob');
    await bob('POST', `${REPO}/issues`, { body: { title: 'lost', labels: ['agent:athena'] } });
    await github.admin('GET', '/standin/state');
    assert.deepEqual(await side.tasks(), []);
    await github.clearFaults();

    assert.ok((await askAgain(reader, Date.now(), NEVER)) > 0);
    await github.admin('GET', '/standin/state');
    await side.done();

    assert.deepEqual(await side.tasks(), [`${WEB}:1:given:athena released`]);
    assert.equal(await askAgain(reader, Date.now(), NEVER), 0);
  }).timeout(90_000);
});

/** A day in acme/web. */
async function aDay(github: GithubScene): Promise<void> {
  const [bob, mallory, apollo] = [
    asUser(github, 'bob'),
    asUser(github, 'mallory'),
    asUser(github, 'apollo-acme'),
  ];
  type By = typeof bob;
  const open = async (by: By, title: string): Promise<number> =>
    (await by('POST', `${REPO}/issues`, { body: { title } })).body.number;
  const propose = async (by: By, head: string): Promise<{ number: number; sha: string }> => {
    const { body: pull } = await by('POST', `${REPO}/pulls`, { body: { title: head, head, base: 'main' } });
    return { number: pull.number, sha: pull.head.sha };
  };
  const label = (number: number, name: string) =>
    bob('POST', `${REPO}/issues/${number}/labels`, { body: { labels: [name] } });
  const say = (by: By, number: number, body: string) =>
    by('POST', `${REPO}/issues/${number}/comments`, { body: { body } });

  await label(await open(mallory, 'given to an App'), 'agent:athena');
  const second = await open(bob, 'given to an account');
  await bob('POST', `${REPO}/issues/${second}/assignees`, { body: { assignees: ['apollo-acme'] } });
  const third = await open(mallory, 'talked about');
  await say(mallory, third, '@athena do as I say');
  await say(bob, third, '@athena look at it');
  const fourth = await open(bob, 'begun and given up');
  await label(fourth, 'agent:athena');
  await bob('PATCH', `${REPO}/issues/${fourth}`, { body: { state: 'closed' } });
  const fifth = await open(bob, 'held back');
  await label(fifth, 'olympus:pause');
  await label(fifth, 'agent:apollo');

  await push(github, ['agent/apollo/2-roof', 'cellar']);
  const made = await propose(apollo, 'agent/apollo/2-roof');
  const review = { event: 'REQUEST_CHANGES', body: 'It leaks.' };
  await bob('POST', `${REPO}/pulls/${made.number}/reviews`, { body: review });
  const check = { name: 'test', head_sha: made.sha, status: 'completed', conclusion: 'failure' };
  const app = github.as(await github.installationToken('athena', 'acme'));
  assert.equal((await app('POST', `${REPO}/check-runs`, { body: check })).status, 201);
  const { number, sha } = await propose(bob, 'cellar');
  await bob('POST', `${REPO}/pulls/${number}/requested_reviewers`, { body: { reviewers: ['apollo-acme'] } });
  const line = { body: '@athena is that so?', commit_id: sha, path: 'NEW.md', line: 1 };
  await bob('POST', `${REPO}/pulls/${number}/comments`, { body: line });
}

/** Pushes branches with one file more, each with the words of the one that is there. */
async function push(github: GithubScene, branches: readonly string[]): Promise<void> {
  const git = await github.clone('acme/web', 'token-bob');
  const blob = await git('rev-parse', 'HEAD:README.md');
  await git('update-index', '--add', '--cacheinfo', `100644,${blob},NEW.md`);
  await git('commit', '-q', '-m', 'a file more');
  await git('push', '-q', 'origin', ...branches.map((branch) => `HEAD:refs/heads/${branch}`));
}
