import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Browser, Page } from 'playwright-core';
import { ControlSurface } from '#test/control-surface.ts';
import { Person } from '#test/person.ts';
import { createMattermostStandin } from '../../src/standins/mattermost/server.ts';
import { keepPicture, startBrowser } from './browser.ts';

const SEED = {
  team: { name: 'olympus' },
  users: [{ username: 'human', token: 'human-token' }],
  bots: [{ username: 'athena', token: 'athena-token' }],
  channels: [{ name: 'leads', displayName: 'Leads', type: 'O' }],
};

describe('the page of the chat stand-in, in a browser', function () {
  this.timeout(120_000);
  let standin: Awaited<ReturnType<typeof createMattermostStandin>>;
  let browser: Browser;
  let athena: Person;
  before(async () => {
    standin = await createMattermostStandin({ seed: SEED });
    browser = await startBrowser();
    athena = await Person.connect(standin.url, 'athena-token');
  });
  after(async () => {
    await browser?.close();
    await standin?.close();
  });

  /** A page of its own, with what went wrong in it. */
  async function open(address: string): Promise<{ page: Page; problems: string[] }> {
    const context = await browser.newContext();
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    await page.goto(address);
    return { page, problems };
  }

  it('shows what is said as it is said, and says what a person writes', async () => {
    const { page, problems } = await open(`${standin.url}/#token=human-token`);
    await page.getByText('human is here').waitFor();
    assert.equal(new URL(page.url()).hash, '', 'the token does not stay in the address');

    await page.getByLabel('Message').fill('@athena hello\nthere');
    await page.getByLabel('Message').press('Enter');
    const asked = page.getByText('@athena hello');
    await asked.waitFor();
    const { body } = await athena.call('GET', `/channels/${await athena.channelId('town-square')}/posts`);
    const posts = Object.values(
      (body as unknown as { posts: Record<string, { id: string; message: string }> }).posts,
    );
    const post = posts.find(({ message }) => message === '@athena hello\nthere');
    assert.ok(post, 'it is on the server, with its lines');

    const hostile = '<img src=x onerror="document.title=1"> **bold** `code`\n```\nblock\n```';
    await athena.say(hostile, { rootId: post.id });
    await athena.call('POST', '/reactions', {
      user_id: athena.userId,
      post_id: post.id,
      emoji_name: 'white_check_mark',
    });
    const thread = page.getByRole('listitem').filter({ has: asked });
    await thread.getByText('✅ 1').waitFor();
    await thread.getByText('<img src=x').waitFor();
    assert.equal(await thread.locator('img').count(), 0, 'what others write is never markup');
    assert.equal(await thread.locator('pre').textContent(), 'block');
    assert.equal(await thread.locator('code').textContent(), 'code');
    assert.equal(await thread.locator('strong').textContent(), 'bold');

    await thread.getByLabel('Reply').fill('thank you');
    await thread.getByLabel('Reply').press('Enter');
    await thread.getByText('thank you').waitFor();
    const replies = await athena.replies(post.id);
    assert.equal(replies.at(-1)?.message, 'thank you');
    await keepPicture(page, 'chat-standin.png');
    assert.deepEqual(problems, []);
  });

  it('keeps what somebody is writing while others write, and shows each channel', async () => {
    const { page, problems } = await open(`${standin.url}/#token=human-token`);
    await page.getByRole('button', { name: '# Leads' }).click();
    await page.getByRole('heading', { name: '# Leads' }).waitFor();
    const { id } = await athena.say('a beginning', { channel: 'leads' });
    const reply = page.getByRole('listitem').filter({ hasText: 'a beginning' }).getByLabel('Reply');
    await reply.fill('half a sen');
    await athena.say('something else', { channel: 'leads', rootId: id });
    await page.getByText('something else').waitFor();

    assert.equal(await reply.inputValue(), 'half a sen');
    assert.equal(await reply.evaluate((input) => input === input.ownerDocument.activeElement), true);
    assert.deepEqual(problems, []);
  });

  it('has the buttons of a post, and shows what comes of a press to who pressed', async () => {
    const presses: { user_name?: string; context?: object }[] = [];
    const integration = createServer((request, response) => {
      void text(request).then((body) => {
        presses.push(JSON.parse(body));
        response.end(JSON.stringify({ ephemeral_text: '`approve` takes the **scope**' }));
      });
    });
    await once(integration.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port } = integration.address() as AddressInfo;
      const { page, problems } = await open(`${standin.url}/#token=human-token`);
      const actions = [
        ['Approve', 'primary'],
        ['Deny', 'danger'],
      ].map(([name, style], index) => ({
        ...{ id: `button${index}`, type: 'button', name, style },
        integration: { url: `http://127.0.0.1:${port}/`, context: { which: name } },
      }));
      await athena.say('I need a decision to go on', { props: { attachments: [{ actions }] } });
      const card = page.getByRole('listitem').filter({ hasText: 'I need a decision' });
      await card.getByRole('button', { name: 'Approve' }).waitFor();

      await card.getByRole('button', { name: 'Deny' }).click();

      await page.getByText('Only you see this: approve takes the scope').waitFor();
      await keepPicture(page, 'chat-standin-card.png');
      assert.deepEqual(
        presses.map(({ user_name, context }) => [user_name, context]),
        [['human', { which: 'Deny' }]],
      );
      await page.getByRole('button', { name: '# Leads' }).click();
      await page.getByText('Only you see this').waitFor({ state: 'hidden' });
      assert.deepEqual(problems, []);
    } finally {
      integration.close();
    }
  });

  it('keeps what could not be sent, and says why', async () => {
    const { page } = await open(`${standin.url}/#token=human-token`);
    await page.getByText('human is here').waitFor();
    const faults = new ControlSurface(standin.adminUrl);
    const failing = { kind: 'fail-next', status: 500, count: 1, method: 'POST', pathPattern: '/posts$' };
    await faults.post('faults', failing);
    await page.getByLabel('Message').fill('once more');
    await page.getByLabel('Message').press('Enter');
    await page.locator('#state.bad').waitFor();

    assert.equal(await page.getByLabel('Message').inputValue(), 'once more');
    await page.getByLabel('Message').press('Enter');
    await page.getByRole('listitem').filter({ hasText: 'once more' }).waitFor();
    assert.equal(await page.getByLabel('Message').inputValue(), '');
  });

  it('asks for a token without one, and says when it is wrong', async () => {
    const { page } = await open(standin.url);
    const token = page.getByLabel('Token of an account');
    await token.fill('not-a-token');
    await token.press('Enter');
    await page.getByText('not logged in: Invalid or expired session').waitFor();
    await token.fill('human-token');
    await token.press('Enter');
    await page.getByText('human is here').waitFor();
  });

  it('says that the connection is lost, and comes back with what was said meanwhile', async () => {
    const { page } = await open(`${standin.url}/#token=human-token`);
    await page.getByText('human is here').waitFor();
    const faults = new ControlSurface(standin.adminUrl);
    await faults.post('faults', { kind: 'cut-sockets', refuse: true });
    await page.getByText('the connection is lost').waitFor();
    await athena.say('said while nobody heard');
    await faults.delete('faults');

    await page.getByText('human is here').waitFor();
    await page.getByText('said while nobody heard').waitFor();
  });
});
