import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { AgentView, AuditView } from '#core/api.ts';
import type { ApprovalView } from '#core/api-approvals.ts';
import type { Delivery } from '#core/messages/delivery.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { newNonce } from '#lib/id.ts';
import { apiTokensText } from '#provision/secrets/api-tokens.ts';
import { AskingAgent } from '#test/asking-agent.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { chatCommandOf, chatRequestOf } from '#test/messages.ts';
import { Operator } from '#test/operator.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
const ID_OF_MALLORY = 'mallorymallorymallory12345';
/** Ada may all, by the name of her account; Mallory by the id of hers, and only read. */
const PEOPLE = [
  {
    name: 'ada',
    token: 'ada-may-do-it-all-here',
    scopes: ['read', 'work', 'decide', 'operate'],
    chat: 'ada.l',
  },
  { name: 'mallory', token: 'mallory-may-read-here', scopes: ['read'], chat: ID_OF_MALLORY },
];
const ADA = { id: 'u-ada', name: 'Ada.L' };
const BOB = { id: 'u-bob', name: 'bob' };

describe('what people say to the control plane in chat, and what it does', () => {
  let control: ControlOnBus;
  let dir: TempDir;
  let athena: AskingAgent;
  let apollo: AskingAgent;
  before(async function () {
    this.timeout(120_000);
    dir = await tempDir('chat-commands');
    const file = path.join(dir.path, 'tokens.json');
    await writeFile(file, apiTokensText(PEOPLE, {}), { mode: 0o600 });
    control = await startControlOnBus(FLEET, ['athena', 'apollo'], { OLYMPUS_API_TOKENS_FILE: file });
    athena = await AskingAgent.join(control, FLEET, 'athena');
    apollo = await AskingAgent.join(control, FLEET, 'apollo');
  });
  after(async () => {
    await apollo?.[Symbol.asyncDispose]();
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const operator = () => new Operator(control);
  const agents = async (): Promise<AgentView[]> =>
    (await control.api<{ agents: AgentView[] }>('GET', '/v1/agents')).body.agents;

  /** Says something through an agent, and resolves with what comes back for it. */
  async function say(
    text: string,
    who: Parameters<typeof chatCommandOf>[1],
    through: AskingAgent = athena,
  ): Promise<string> {
    return heard(through, await pass(chatCommandOf(text, who), through));
  }
  async function pass(request: ReturnType<typeof chatCommandOf>, through: AskingAgent): Promise<string> {
    await through.publish(`requests.${through.name}.chat-command`, request);
    return request.data.conversation.postId;
  }
  async function heard(agent: AskingAgent, postId: string): Promise<string> {
    const said = await agent.hear(
      'what control says',
      (told): told is Delivery['data'] =>
        'state' in told &&
        told.state === 'said' &&
        'conversation' in told &&
        isOf(told as Delivery['data'], postId),
    );
    return said.text ?? '';
  }
  const isOf = ({ conversation }: Delivery['data'], postId: string): boolean =>
    conversation.postId === postId;

  /** A task that somebody asked athena for in a thread of chat. */
  async function asked(text: string, by = BOB): Promise<{ id: string; thread: string }> {
    const thread = newNonce();
    const request = chatRequestOf('athena', text, thread);
    const requester = { ...by, kind: 'human' as const };
    await athena.publish('requests.athena.task-create', { ...request, data: { ...request.data, requester } });
    return { id: (await operator().taskOf(text)).id, thread };
  }
  async function running(text: string): Promise<{ id: string; thread: string; run: TaskDispatch['data'] }> {
    const task = await asked(text);
    const { data } = await athena.takeRun(task.id);
    await athena.tell(data, 'started');
    await operator().untilState(task.id, 'running');
    return { ...task, run: data };
  }
  const pendingOf = (taskId: string): Promise<ApprovalView> =>
    waitFor(`something to decide for ${taskId}`, async () => {
      const { body } = await control.api<{ approvals: ApprovalView[] }>('GET', '/v1/approvals?state=pending');
      return body.approvals.find((each) => each.taskId === taskId);
    });

  it('is done once, though every agent brings it, and said by one of them', async () => {
    const request = chatCommandOf('pause apollo for the night', ADA);
    await pass(request, athena);
    const { postId } = request.data.conversation;
    const first = await heard(athena, postId);
    await pass(request, apollo);
    await pass(request, athena);

    assert.equal(first, '**apollo** gets no new work, and brings to an end what is under way.');
    assert.equal(await heard(apollo, postId), '', 'the others only learn that it is done');
    assert.equal(await heard(athena, postId), '');
    const apolloNow = (await agents()).find(({ name }) => name === 'apollo');
    assert.equal(apolloNow?.drain?.by, 'ada', 'in the name that the inventory gives the account');
    assert.equal(apolloNow?.drain?.why, 'for the night');
    const { body } = await control.api<{ records: AuditView[] }>('GET', '/v1/audit?limit=500');
    const drains = body.records.filter(({ what, entityId }) => what === 'drain' && entityId === 'apollo');
    assert.equal(drains.length, 1);

    assert.match(await say('status', BOB), /\*\*apollo\*\*: Ready.*paused by `ada`: `for the night`/);
    assert.equal(await say('resume apollo', ADA), '**apollo** takes work again.');
    assert.equal((await agents()).find(({ name }) => name === 'apollo')?.drain, undefined);
  });

  it('is listed by help, and what is no command is answered with what there is', async () => {
    assert.match(await say('', BOB), /`!olympus stop-all \[reason\]`/);
    assert.match(await say('dance', BOB), /I know no `dance`/);
    assert.match(
      await say('pause @nobody', ADA),
      /I know no agent `nobody`\. There is: \*\*apollo\*\*, \*\*athena\*\*/,
    );
  });

  it('shows tasks to those of the channel, without ever mentioning anybody', async () => {
    const { id } = await asked('tell @apollo about `it`');

    const here = await say('tasks', { id: 'u-eve', name: 'eve' });
    assert.match(
      here,
      new RegExp(`\`${id}\` \\*\\*\\w+\\*\\*, \`athena\`, 0 min: \`tell @apollo about 'it'\``),
    );
    assert.doesNotMatch(await say('tasks', { id: 'u-eve', name: 'eve', channel: 'c2' }), new RegExp(id));
    assert.doesNotMatch(await say('tasks', { ...ADA, channel: 'c2' }), new RegExp(id), 'others read along');
    assert.match(await say('tasks', { ...BOB, channel: 'c2', direct: true }), new RegExp(id), 'his own');
    assert.match(
      await say('tasks', { ...ADA, channel: 'c2', direct: true }),
      new RegExp(id),
      'she may read all',
    );
    await operator().cancel(id);
  });

  it('ends, explains and tries again the task of its thread, for who asked for it', async () => {
    const { id, thread } = await asked('sweep the yard');

    assert.match(
      await say('cancel', { id: 'u-eve', name: 'eve', thread }),
      /takes who asked for it, or the scope `work`/,
    );
    assert.match(await say('why', { ...BOB, thread }), new RegExp(`\`${id}\` is \\*\\*\\w+\\*\\*`));
    assert.match(
      await say('stop-all', { ...ADA, saidAt: Date.now() - 25 * 3600_000 }),
      /more than a day ago/,
    );
    assert.match(
      await say('cancel too @dusty', { ...BOB, thread }),
      new RegExp(`\`${id}\` is \\*\\*cancell`),
    );
    const { reason } = await operator().show(id);
    assert.equal(reason, 'cancelled by chat:bob: too @dusty');

    assert.match(await say(`why ${id.slice(0, 13)}`, { ...BOB, thread }), /write a whole id/);
    assert.match(await say('cancel', { ...BOB, thread: newNonce() }), /No task belongs to this thread/);
    const unknown = '01890a5d-ac96-774b-bcce-b302099a8057';
    assert.equal(await say(`why ${unknown}`, BOB), `There is no task \`${unknown}\`.`);
  });

  it('tries a task again that has failed, as a new one in the same thread', async () => {
    const { id, thread, run } = await running('climb the wall');
    await athena.fail(run, 'invalid_input');
    await operator().untilState(id, 'failed');

    const answer = await say('retry with a ladder', { ...BOB, thread });

    const again = /^`([0-9a-f-]{36})` is \*\*/.exec(answer)?.[1];
    assert.ok(again && again !== id, answer);
    assert.match(
      await say('why', { ...BOB, thread }),
      new RegExp(again),
      'the newest of the thread is meant',
    );
    await operator().cancel(again);
  });

  it('decides what an agent asks, for those who may, the first one counting', async () => {
    const { thread, id, run } = await running('deploy it');
    const key = newNonce();
    await athena.askApproval(run, key);
    const approval = await pendingOf(id);

    for (const who of [BOB, { id: ID_OF_MALLORY, name: 'mallory' }, { id: 'u9', name: 'adal' }]) {
      assert.match(await say('approve', { ...who, thread }), /`approve` takes the scope `decide`/);
    }
    assert.match(await say('deny not today', { ...BOB, thread }), /`deny` takes the scope `decide`/);
    assert.match(await say('answer yes', { ...ADA, thread }), /stays as it is: it is no question/);
    const early = { ...ADA, thread, saidAt: Date.now() - 3600_000 };
    assert.ok(
      (await say('approve', early)).includes(`was asked after you wrote that: name it, \`${approval.id}\``),
    );
    assert.equal(await say('approve', { ...ADA, thread }), '**approved**: `deploy.production on web-1`');

    const decision = await athena.hearDecision(key);
    assert.equal(decision.state, 'approved');
    assert.equal(decision.by, 'ada');
    assert.equal(decision.hash, approval.hash);
    assert.match(await say(`deny ${approval.id}`, ADA), /stays as it is: it was approved by ada at/);
    assert.match(await say('approve', { ...ADA, thread }), /Nothing waits for a decision in this thread/);
    await operator().cancel(id);
  });

  it('takes the answer of who asked for the task, and asks which question is meant where there are two', async () => {
    const { thread, id, run } = await running('paint it');
    const [first, second] = [newNonce(), newNonce()];
    await athena.askQuestion(run, first, 'Which colour?', ['red', 'blue']);
    const question = await pendingOf(id);
    await athena.askQuestion(run, second, 'How often?');
    await waitFor('both to wait', async () => {
      const { body } = await control.api<{ approvals: ApprovalView[] }>('GET', '/v1/approvals?state=pending');
      return body.approvals.filter((each) => each.taskId === id).length === 2;
    });
    const both = await say('answer red', { ...BOB, thread });
    assert.match(both, /^2 things wait/);
    assert.ok(both.includes(question.id));

    assert.match(
      await say(`answer ${question.id} green`, { ...BOB, thread }),
      /stays as it is: the answer has to be one of: red, blue/,
    );
    assert.equal(await say(`answer ${question.id} red`, { ...BOB, thread }), '**answered**: `Which colour?`');
    assert.equal((await athena.hearDecision(first)).answer, 'red');
    assert.equal(await say('answer  twice  a day', { ...BOB, thread }), '**answered**: `How often?`');
    assert.equal((await athena.hearDecision(second)).answer, 'twice  a day');
    await operator().cancel(id);
  });

  it('is not taken from guests, from who was deactivated, or from who takes an id for a name', async () => {
    assert.match(await say('status', { ...ADA, standing: 'guest' }), /nothing from a guest account/);
    assert.match(
      await say('status', { ...ADA, standing: 'deactivated' }),
      /nothing from a deactivated account/,
    );
    const claimed = { id: 'u-eve', name: ID_OF_MALLORY, channel: 'c2', direct: true };
    const { id } = await asked('guard the gate');
    assert.doesNotMatch(await say('tasks', claimed), new RegExp(id));
    assert.match(await say('tasks', { ...claimed, id: ID_OF_MALLORY, name: 'renamed' }), new RegExp(id));
    await operator().cancel(id);
  });

  it('stops every run of the fleet at once, keeps what waits, and lets it go on', async () => {
    const one = await running('run for ever');
    await say('pause apollo', ADA);
    const waiting = await operator().create('later', { agent: 'apollo' });

    assert.match(await say('stop-all', BOB), /takes the scope `operate`/);
    const said = await say('stop-all there is a fire', ADA);

    assert.match(
      said,
      /^Stopped: \d+ runs? .*being ended, and \*\*apollo\*\*, \*\*athena\*\* get no new work\./,
    );
    assert.equal((await operator().show(one.id)).state, 'cancelling');
    assert.equal((await operator().show(waiting.id)).state, 'queued');
    const held = await operator().create('even later', { agent: 'athena' });
    assert.equal(held.state, 'queued');
    assert.match(await say('resume all', ADA), /\*\*apollo\*\*, \*\*athena\*\* take work again/);
    await athena.takeRun(held.id);
    await apollo.takeRun(waiting.id);
  });

  it('is put aside when it cannot be read', async () => {
    await athena.publish('requests.athena.chat-command', { type: 'io.olympus.request.chat-command.v1' });

    await waitFor('the letter', async () => {
      const { body } = await control.api<{ letters: { subject: string }[] }>('GET', '/v1/dlq');
      return body.letters.some(({ subject }) => subject.endsWith('requests.athena.chat-command'));
    });
  });
});
