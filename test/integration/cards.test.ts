import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import path from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import type { ApprovalView } from '#core/api-approvals.ts';
import type { Card, ClosedCard } from '#core/card.ts';
import type { Delivery } from '#core/messages/delivery.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { newNonce } from '#lib/id.ts';
import { apiTokensText } from '#provision/secrets/api-tokens.ts';
import { AskingAgent } from '#test/asking-agent.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { chatCommandOf, chatRequestOf } from '#test/messages.ts';
import { Operator } from '#test/operator.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const FLEET = 'f1';
const PEOPLE = [
  { name: 'ada', token: 'ada-may-decide-here', scopes: ['decide'], chat: 'ada.l' },
  { name: 'grace', token: 'grace-may-decide-too', scopes: ['decide'], chat: 'g'.repeat(26) },
  { name: 'mallory', token: 'mallory-may-read-here', scopes: ['read'], chat: 'mallory' },
];
const ADA = { user_id: 'a'.repeat(26), user_name: 'ada.l' };
const GRACE = { user_id: 'g'.repeat(26), user_name: 'whatever' };
const MALLORY = { user_id: 'm'.repeat(26), user_name: 'mallory' };
/** Of whom the inventory says nothing. */
const BOB = { user_id: 'u-bob', user_name: 'bob' };

describe('a card in chat', () => {
  let control: ControlOnBus;
  let dir: TempDir;
  let athena: AskingAgent;
  const operator = () => new Operator(control);
  before(async function () {
    this.timeout(120_000);
    dir = await tempDir('cards');
    const file = path.join(dir.path, 'tokens.json');
    await writeFile(file, apiTokensText(PEOPLE, {}), { mode: 0o600 });
    control = await startControlOnBus(FLEET, ['athena', 'apollo'], {
      OLYMPUS_API_TOKENS_FILE: file,
      OLYMPUS_CARDS_URL: 'http://hub.test:8090',
    });
    athena = await AskingAgent.join(control, FLEET, 'athena');
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** A run of a task that Bob asked for in a thread. */
  async function running(text: string): Promise<TaskDispatch['data']> {
    const { data, ...head } = chatRequestOf('athena', text);
    const requester = { id: BOB.user_id, name: BOB.user_name, kind: 'human' as const };
    await athena.publish('requests.athena.task-create', { ...head, data: { ...data, requester } });
    const task = await operator().taskOf(text);
    const run = (await athena.takeRun(task.id)).data;
    await athena.tell(run, 'started');
    await operator().untilState(task.id, 'running');
    return run;
  }
  type WithCard = Delivery['data'] & { card: Card; text: string };
  const hearCard = (taskId: string): Promise<WithCard> =>
    athena.hear(
      'something with buttons',
      (told): told is WithCard => 'card' in told && 'taskId' in told && told.taskId === taskId,
    );
  type Closing = Delivery['data'] & { closes: ClosedCard };
  const hearClosed = (id: string): Promise<Closing> =>
    athena.hear(
      'that a card is closed',
      (told): told is Closing => 'closes' in told && (told as Closing).closes.id === id,
    );
  async function asked(text: string, params: Record<string, unknown> = {}, expiresInMs = 600_000) {
    const run = await running(text);
    const key = newNonce();
    await athena.askApproval(run, key, params, expiresInMs);
    return { run, key, ...(await hearCard(run.taskId)) };
  }
  const approvalOf = async (id: string): Promise<ApprovalView> =>
    (await control.api<ApprovalView>('GET', `/v1/approvals/${id}`)).body;

  /** What the chat server sends when somebody presses the button, and what it is answered. */
  async function press(
    { url, buttons }: Card,
    name: string,
    by: object,
    { context = {}, localAddress = '127.0.0.1' } = {},
  ): Promise<{ status: number; said: string }> {
    const button = buttons.find((each) => each.name === name) ?? assert.fail(`no button ${name}`);
    const call = request(new URL(new URL(url).pathname, control.url), {
      method: 'POST',
      localAddress,
      headers: { 'content-type': 'application/json', 'user-agent': 'Mattermost-Bot/1.1' },
    });
    const context_ = { ...button.press, ...context };
    call.end(JSON.stringify({ ...by, type: 'button', trigger_id: 't', context: context_ }));
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    const { ephemeral_text: told, message } = JSON.parse(await textOf(answer)) as Record<string, string>;
    return { status: answer.statusCode ?? 0, said: told ?? message ?? '' };
  }

  it('is decided by the press of somebody who may, says who, and has no buttons any more', async () => {
    const { run, key, card, text } = await asked('deploy it', { version: '2.4.1' });
    assert.match(text, /^I need a decision[\s\S]*2\.4\.1[\s\S]*Press a button below, or look at it/);

    const { status, said } = await press(card, 'Approve', ADA);

    assert.equal(status, 200);
    assert.equal(said, 'Approved by ada: deploy.production on web-1.');
    const told = await athena.hearDecision(key);
    assert.deepEqual([told.state, told.by], ['approved', 'ada']);
    const closed = await hearClosed(card.id);
    assert.match(closed.closes.text, /I need a decision[\s\S]*2\.4\.1[\s\S]*Approved by ada/);
    assert.doesNotMatch(closed.closes.text, /Press a button/);
    assert.equal(closed.state, 'admitted', 'it changes nothing about how the task is shown');
    await athena.hearSaid(run.taskId, /^Approved by ada/);
  });

  it('is decided by the first; whoever presses later is told who that was, also after a restart', async () => {
    const { card } = await asked('decide once');
    const [first, second] = await Promise.all([press(card, 'Deny', ADA), press(card, 'Approve', GRACE)]);

    const { state, decidedBy } = await approvalOf(card.id);
    assert.deepEqual([first.status, second.status], [200, 200]);
    const [won, lost] = state === 'denied' ? [first, second] : [second, first];
    assert.match(won.said, new RegExp(`^${state === 'denied' ? 'Denied' : 'Approved'} by ${decidedBy}`));
    assert.match(lost.said, new RegExp(`stays as it is: it was ${state} by ${decidedBy}`));
    await control.kill();
    await control.start();
    const replayed = await press(card, state === 'denied' ? 'Approve' : 'Deny', MALLORY);
    assert.match(replayed.said, /takes the scope `decide`/);
    assert.match((await press(card, 'Approve', ADA)).said, /it was|^Approved by ada/);
    assert.deepEqual((await approvalOf(card.id)).decidedBy, decidedBy);
  }).timeout(120_000);

  it('outlives a restart between being shown and being pressed', async () => {
    const { card, key } = await asked('press me later');
    await control.kill();
    await control.start();

    assert.match((await press(card, 'Deny', GRACE)).said, /^Denied by grace/);
    assert.equal((await athena.hearDecision(key)).state, 'denied');
  }).timeout(120_000);

  it('is not decided by who may not: another, one who may only read, one with the name of an id', async () => {
    const { card } = await asked('not for everybody');

    for (const account of [BOB, MALLORY, { user_id: 'u-eve', user_name: GRACE.user_id }]) {
      const { status, said } = await press(card, 'Approve', account);
      assert.equal(status, 200);
      assert.match(said, /^`approve` takes the scope `decide`/);
    }
    assert.equal((await approvalOf(card.id)).state, 'pending');
  });

  it('is not decided by an account that may not any more, whatever the inventory gave it', async () => {
    const { card } = await asked('for members');
    for (const standing of ['guest', 'deactivated', 'bot']) {
      athena.standing = standing;
      const { status, said } = await press(card, 'Approve', ADA);
      assert.deepEqual([status, said], [200, `I take nothing from a ${standing} account.`]);
    }
    assert.equal((await approvalOf(card.id)).state, 'pending');
    athena.standing = 'member';
    assert.match((await press(card, 'Approve', ADA)).said, /^Approved by ada/);
  });

  it('of what a colleague asks for is decided by whom the agent that shows it may ask about', async () => {
    await using apollo = await AskingAgent.join(control, FLEET, 'apollo');
    const run = await running('have apollo deploy it');
    await athena.delegate(run, 'apollo', 'deploy it, please');
    const { id: piece } = await operator().taskOf('deploy it, please');
    const { data } = await apollo.takeRun(piece);
    await apollo.tell(data, 'started');
    await operator().untilState(piece, 'running');
    const key = newNonce();
    await apollo.askApproval(data, key);
    const { card } = await hearCard(piece);

    athena.standing = 'guest';
    assert.equal((await press(card, 'Approve', ADA)).said, 'I take nothing from a guest account.');
    assert.equal((await approvalOf(card.id)).state, 'pending');
    athena.standing = 'member';
    apollo.standing = 'guest';
    assert.match((await press(card, 'Approve', ADA)).said, /^Approved by ada/);
    assert.equal((await apollo.hearDecision(key)).state, 'approved');
  });

  it('is not decided by a forged button, nor by who is not the chat server', async () => {
    const { card } = await asked('a harmless thing', { level: 1 });
    const other = await asked('a thing with consequences', { level: 9 });
    const harmless = card.buttons.find(({ name }) => name === 'Approve')?.press;
    const { hash } = await approvalOf(other.card.id);

    for (const context of [
      { ...harmless, approval: other.card.id },
      { ...harmless, approval: other.card.id, hash },
      { mac: 'f'.repeat(64) },
      { expiresAt: Date.now() + 10 ** 9 },
    ]) {
      const { status, said } = await press(other.card, 'Approve', ADA, { context });
      assert.equal(status, 403);
      assert.match(said, /not made here/);
    }
    const elsewhere = await press(other.card, 'Approve', ADA, { localAddress: '127.0.0.9' });
    assert.equal(elsewhere.status, 403);
    assert.match(elsewhere.said, /127\.0\.0\.9 is not an address of the chat server: see OLYMPUS_CARDS_FROM/);
    assert.equal((await approvalOf(other.card.id)).state, 'pending');
  });

  it('cannot be decided once its time is up, and says so', async () => {
    const { card } = await asked('be quick', {}, 1500);
    const closed = await hearClosed(card.id);

    assert.match(closed.closes.text, /Denied, because nobody decided in time/);
    const { said } = await press(card, 'Approve', ADA);
    assert.match(said, /stays as it is: it expired at .*, and counts as denied/);
  });

  it('is closed by whatever decides it: a word in the thread, or the end of its task', async () => {
    const byWord = await asked('by word');
    const command = chatCommandOf(`deny ${byWord.card.id} not today`, {
      id: ADA.user_id,
      name: ADA.user_name,
    });
    await athena.publish('requests.athena.chat-command', command);
    assert.match((await hearClosed(byWord.card.id)).closes.text, /Denied by ada.*not today/);

    const ended = await asked('nobody wants it');
    await operator().cancel(ended.run.taskId);
    assert.match((await hearClosed(ended.card.id)).closes.text, /Withdrawn/);
    assert.match((await press(ended.card, 'Approve', ADA)).said, /stays as it is: it was withdrawn/);
  });

  it('has a button for each choice of a question, which who asked for the task may press', async () => {
    const run = await running('paint it');
    const key = newNonce();
    await athena.askQuestion(run, key, 'Which colour?', ['teal', 'mauve']);
    const { card, text } = await hearCard(run.taskId);

    assert.match(text, /Which colour\?[\s\S]*Press a button below, or answer with/);
    assert.equal((await press(card, 'mauve', BOB)).said, 'Answered by chat:bob: “Which colour?” – mauve');

    assert.equal((await athena.hearDecision(key)).answer, 'mauve');
    assert.match((await press(card, 'teal', BOB)).said, /it was answered by chat:bob/);
  });

  it('says what is wrong with what is no press', async () => {
    for (const body of [
      {},
      { user_id: 'u', user_name: 'n' },
      { user_id: 'u', user_name: 'n', context: 'approve' },
    ]) {
      const { status } = await control.api('POST', '/chat/press', body);
      assert.equal(status, 400, JSON.stringify(body));
    }
    const empty = { user_id: 'u', user_name: 'n', context: {} };
    assert.equal((await control.api('POST', '/chat/press', empty)).status, 403);
  });
});
