import assert from 'node:assert/strict';
import { permissionsOf } from '#core/github-action.ts';
import { GitHubWrite } from '#core/github-write.ts';
import { GithubError } from '#integrations/github/github-error.ts';
import { mintToken } from '#integrations/github/mint.ts';
import { writeOnce } from '#integrations/github/write.ts';
import { WriteRefused, type Written } from '#integrations/github/write-tools.ts';
import { systemClock } from '#lib/clock.ts';
import { GithubScene } from '#test/github/scene.ts';

const REPO = 'acme/web';
const LOGIN = 'athena[bot]';
const issue = { kind: 'issue-create', repo: REPO, title: 'Log in', body: 'It does not.' };

/** What an agent has written to GitHub, against a server that fails on command. */
describe('something that is written to GitHub', function () {
  this.timeout(60_000);
  let github: GithubScene;
  let token: string;
  before(async () => {
    github = await GithubScene.open({
      users: [{ login: 'ada', tokens: [{ token: 'of-ada' }] }],
      organizations: [{ login: 'acme', members: ['ada'] }],
      repositories: [
        { name: REPO, private: true, collaborators: { ada: 'admin' } },
        { name: 'acme/secret', private: true },
      ],
      apps: [
        {
          name: 'Athena',
          owner: 'acme',
          permissions: { issues: 'write', contents: 'write' },
          installations: [{ account: 'acme' }],
        },
      ],
    });
    ({ token } = await mint());
  });
  afterEach(async () => {
    sent.length = 0;
    await github.clearFaults();
  });
  after(async () => {
    await github?.[Symbol.asyncDispose]();
  });

  const soon = () => AbortSignal.timeout(30_000);
  const identity = () => {
    const app = github.seeded.apps['athena'];
    const installation = app?.installations['acme'];
    assert.ok(app && installation);
    return { app: app.id, installation, privateKey: app.privateKey };
  };
  const mint = () =>
    mintToken(identity(), {
      // Some write it with a slash at its end.
      url: `${github.apiUrl}/`,
      repository: REPO,
      permissions: permissionsOf('github.issue-create') ?? {},
      signal: soon(),
    });
  /** When it was said that something is about to be sent. */
  const sent: number[] = [];
  const write = (
    given: object,
    marker: string,
    { triedAt, askedIn }: { readonly triedAt?: number | undefined; readonly askedIn?: number } = {},
  ): Promise<Written> =>
    writeOnce(GitHubWrite.parse(given), {
      url: `${github.apiUrl}/`,
      token,
      agent: 'athena',
      login: LOGIN,
      marker,
      triedAt,
      askedIn,
      onTrying: async () => void sent.push(Date.now()),
      clock: systemClock,
      signal: soon(),
    });
  const ada = () => github.as('of-ada');
  const issuesTitled = async (title: string) => {
    const { body } = await ada()('GET', `/repos/${REPO}/issues?state=all&per_page=100`);
    return body.filter((each: { title: string }) => each.title === title);
  };
  const newIssue = async (more: object = {}): Promise<number> => {
    const { body } = await ada()('POST', `/repos/${REPO}/issues`, { body: { title: 'Theirs', ...more } });
    return body.number;
  };
  const commentsOf = async (number: number): Promise<{ body: string }[]> =>
    (await ada()('GET', `/repos/${REPO}/issues/${number}/comments`)).body;
  const refusal = (sentence: RegExp) => (error: Error) => {
    assert.ok(error instanceof WriteRefused, String(error));
    assert.match(error.message, sentence);
    return true;
  };

  it('is an issue of the agent, with its labels, and is opened once', async () => {
    const wanted = { ...issue, title: 'Once', labels: ['bug'] };
    const first = await write(wanted, 'once');
    const again = await write(wanted, 'once');

    assert.deepEqual([first.already, again.already, again.number], [false, true, first.number]);
    const [found, ...others] = await issuesTitled('Once');
    assert.equal(others.length, 0);
    assert.equal(found.user.login, LOGIN);
    assert.deepEqual(
      found.labels.map(({ name }: { name: string }) => name),
      ['bug'],
    );
    assert.match(found.body, /^It does not\./);
    assert.equal(found.html_url, first.url);
  });

  it('is there once, where the answer was lost and the list does not have it yet', async () => {
    const wanted = { ...issue, title: 'Lost' };
    // One look before it is written, and two after it.
    await github.fault({ kind: 'stale-read', method: 'GET', path: '/issues', count: 3 });
    await github.fault({ kind: 'answer-lost', method: 'POST', path: '/issues$', count: 1 });
    await assert.rejects(write(wanted, 'lost'), (error) => !(error instanceof WriteRefused));
    const triedAt = sent.at(-1);

    const again = await write(wanted, 'lost', { triedAt });

    assert.equal(again.already, true);
    assert.equal(sent.length, 1);
    await github.clearFaults();
    assert.equal((await issuesTitled('Lost')).length, 1);
  });

  it('is not found in what somebody else has written with the same mark', async () => {
    await ada()('POST', `/repos/${REPO}/issues`, {
      body: { title: 'Forged', body: 'Here. <!-- forged -->' },
    });
    const { already } = await write({ ...issue, title: 'Forged' }, 'forged');

    assert.equal(already, false);
    assert.equal((await issuesTitled('Forged')).length, 2);
  });

  it('is a comment, and takes the place of the one before', async () => {
    const number = await newIssue();
    const say = (body: string) => write({ kind: 'comment-upsert', repo: REPO, number, body }, 'slot');

    const first = await say('At work.');
    const same = await say('At work.');
    const other = await say('Done.');

    assert.deepEqual(
      [first, same, other].map(({ already }) => already),
      [false, true, false],
    );
    const comments = await commentsOf(number);
    assert.deepEqual(
      comments.map(({ body }) => body),
      ['Done.\n\n<!-- slot -->'],
    );
  });

  it('takes the place of no comment of another slot, whose name begins the same', async () => {
    const number = await newIssue();
    const say = (body: string, slot: string) =>
      write({ kind: 'comment-upsert', repo: REPO, number, body }, slot);

    await say('The second plan.', 'plan-2');
    const { already } = await say('The plan.', 'plan');

    assert.equal(already, false);
    assert.deepEqual(
      (await commentsOf(number)).map(({ body }) => body),
      ['The second plan.\n\n<!-- plan-2 -->', 'The plan.\n\n<!-- plan -->'],
    );
  });

  it('is labels that are put on and taken off, and others stay', async () => {
    const number = await newIssue({ labels: ['bug', 'theirs'] });
    const set = (more: object) => write({ kind: 'label-set', repo: REPO, number, ...more }, 'labels');

    const first = await set({ add: ['ready'], remove: ['BUG', 'not there'] });
    const again = await set({ add: ['ready'], remove: ['bug'] });

    assert.deepEqual([first.already, again.already], [false, true]);
    const { body } = await ada()('GET', `/repos/${REPO}/issues/${number}`);
    assert.deepEqual(body.labels.map(({ name }: { name: string }) => name).sort(), ['ready', 'theirs']);
  });

  it('is not, where people hold it back or it is over', async () => {
    const held = await newIssue({ labels: ['olympus:pause'] });
    const closed = await newIssue();
    await ada()('PATCH', `/repos/${REPO}/issues/${closed}`, { body: { state: 'closed' } });
    const say = (number: number) => write({ kind: 'comment-upsert', repo: REPO, number, body: 'Hi.' }, 'm');

    await assert.rejects(
      say(held),
      refusal(/people hold acme\/web#\d+ back: it has the label olympus:pause/),
    );
    await assert.rejects(say(closed), refusal(/acme\/web#\d+ is closed/));
    const pull = { kind: 'pr-open', repo: REPO, slug: 'fix', title: 'Fix it', body: 'Fixed.' };
    await assert.rejects(
      write(pull, 'm', { askedIn: held }),
      refusal(/people hold acme\/web#\d+ back: it has the label olympus:pause/),
    );
    await assert.rejects(
      write({ kind: 'label-set', repo: REPO, number: held, remove: ['olympus:pause'] }, 'm'),
      refusal(/olympus:pause is for people/),
    );
    assert.equal((await commentsOf(held)).length + (await commentsOf(closed)).length, 0);
  });

  it('is for one repository, and for nothing but issues', async () => {
    await assert.rejects(
      write({ ...issue, repo: 'acme/secret' }, 'elsewhere'),
      refusal(/GitHub knows no such thing in acme\/secret, or this agent may not see it/),
    );
    const { status } = await github.as(token)('PUT', `/repos/${REPO}/contents/x`, {
      body: { message: 'x', content: 'eA==' },
    });
    assert.ok([403, 404].includes(status), String(status));
  });

  it('says until when where GitHub takes nothing for long, and waits for no such end', async () => {
    const fault = { kind: 'rate-limit', resetInS: 60, count: 1 } as const;
    const before = Date.now();
    await github.fault({ ...fault, path: '/access_tokens' });
    await assert.rejects(mint(), /rate limit/i);
    await github.fault({ ...fault, method: 'GET', path: '/issues' });
    await assert.rejects(write({ ...issue, title: 'Too much' }, 'much'), (error) => {
      assert.ok(error instanceof GithubError, String(error));
      assert.match(error.message, /takes no more requests until 20\d\d-/);
      assert.ok((error.until ?? 0) > before + 30_000);
      return true;
    });
    assert.ok(Date.now() - before < 20_000);
  });

  for (const [what, fault] of [
    ['has had too much', { kind: 'rate-limit' }],
    ['wants it slower', { kind: 'secondary-limit' }],
    ['fails', { kind: 'fail', status: 502 }],
  ] as const) {
    it(`is no refusal while GitHub ${what}: it is tried again`, async () => {
      await github.fault({ ...fault, count: 1 });
      const wanted = { ...issue, title: `While ${what}` };

      await assert.rejects(write(wanted, what), (error) => !(error instanceof WriteRefused));
      await github.clearFaults();

      assert.equal((await write(wanted, what)).already, false);
    });
  }
});
