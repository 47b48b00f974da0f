import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TaskDetail, TaskView } from '#core/api.ts';
import type { ApprovalView } from '#core/api-approvals.ts';
import { newNonce } from '#lib/id.ts';
import { CliCaller } from '#test/cli-call.ts';
import { script } from '#test/control-surface.ts';
import { startFleet, type TestFleet } from '#test/fleet.ts';
import type { SeenPost } from '#test/person.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';

const ASK_WAIT_MS = 20_000;
const CLI = path.resolve(import.meta.dirname, '../../src/cli/main.ts');

/** A real turn in a real gateway runs the command, as an agent does. */
describe('a turn that asks people', function () {
  this.timeout(120_000);
  let fleet: TestFleet;
  let dir: TempDir;
  let cli: CliCaller;
  const at = (file: string): string => path.join(dir.path, file);
  before(async function () {
    this.timeout(400_000);
    dir = await tempDir('asking');
    fleet = await startFleet({
      // Longer than it takes to be told of it and to call a command by which it is decided, on a busy machine.
      settings: { OLYMPUS_ACTION_SOCKET: at('socket'), OLYMPUS_ASK_WAIT_MS: String(ASK_WAIT_MS) },
    });
    cli = new CliCaller(fleet.stateDir);
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** Has the model run `olympus action …` when it is asked `text`; resolves with the task once that waits for people. */
  async function turnThatAsks(text: string, ...words: string[]): Promise<{ postId: string; task: TaskView }> {
    for (const file of ['task', 'out', 'code']) await rm(at(file), { force: true });
    const quoted = words.map((word) => `'${word}'`).join(' ');
    await writeFile(
      at('ask.sh'),
      `cd '${dir.path}'
# The id of the task is known only once its turn, which runs this, has begun.
until [ -s task ]; do sleep 0.1; done
OLYMPUS_ACTION_SOCKET='${at('socket')}' '${process.execPath}' '${CLI}' action ${quoted} --task "$(cat task)" >out 2>&1
echo $? >code
cat out
`,
    );
    await script(fleet.modelScript, {
      match: text,
      // Without the last of it the gateway goes on after ten seconds, and leaves the command running.
      behaviour: {
        kind: 'tool',
        name: 'exec',
        args: { command: `bash '${at('ask.sh')}'`, yieldMs: 4 * ASK_WAIT_MS },
      },
    });
    const post = await fleet.person.say(`@athena ${text}`);
    const task = await waitFor(
      'the task to run',
      async () => {
        const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks?state=running');
        return tasks.find((each) => each.text.includes(text));
      },
      { timeoutMs: 45_000 },
    );
    await writeFile(at('task'), task.id);
    return { postId: post.id, task };
  }
  const deploy = [
    'approval',
    '--kind',
    'deploy.production',
    '--target',
    'web-1',
    '--summary',
    'put it there',
  ];
  const pendingOf = (taskId: string): Promise<ApprovalView> =>
    waitFor(
      'something to decide',
      async () => {
        const { approvals } = await fleet.api<{ approvals: ApprovalView[] }>('/v1/approvals?state=pending');
        return approvals.find((each) => each.taskId === taskId);
      },
      // A whole turn comes before it: the model, the tool, the command.
      { timeoutMs: 60_000 },
    );
  const untilState = (taskId: string, state: string): Promise<TaskDetail> =>
    waitFor(
      `the task to be ${state}`,
      async () => {
        const task = await fleet.api<TaskDetail>(`/v1/tasks/${taskId}`);
        return task.state === state && task;
      },
      { timeoutMs: 30_000 },
    );
  const ended = async (): Promise<{ code: string; out: string }> => {
    const code = await waitFor('the command to end', () => readFile(at('code'), 'utf8').catch(() => ''), {
      timeoutMs: 60_000,
    });
    return { code: code.trim(), out: await readFile(at('out'), 'utf8') };
  };

  it('goes on with what they decide, and says in the thread that they have to', async () => {
    const { postId, task } = await turnThatAsks(
      `deploy ${newNonce()}`,
      ...deploy,
      '--params',
      '{"version":"2.4.1"}',
    );
    const approval = await pendingOf(task.id);
    await fleet.person.untilReply(postId, new RegExp(`olympus approve ${approval.id}`));

    const { code, stderr } = await cli.run(['approve', approval.id, '--yes', '--why', 'go'], { USER: 'ada' });

    assert.equal(code, 0, stderr);
    assert.deepEqual(await ended(), { code: '0', out: 'Approved by ada: go\n' });
    await fleet.person.untilReaction(postId, 'white_check_mark');
    assert.equal((await untilState(task.id, 'completed')).runs.length, 1);
  });

  /** The post with the buttons, as people see it. */
  const cardIn = (postId: string): Promise<SeenPost> =>
    waitFor('a post with buttons', async () =>
      (await fleet.person.replies(postId)).find((post) => buttonsOf(post).length > 0),
    );
  const buttonsOf = ({ props }: SeenPost): { id: string; name: string; integration?: unknown }[] =>
    ((props['attachments'] ?? []) as { actions?: [] }[]).flatMap(({ actions = [] }) => actions);

  it('goes on when somebody presses a button of the card, which then says who', async () => {
    const { postId, task } = await turnThatAsks(`press for ${newNonce()}`, ...deploy);
    await pendingOf(task.id);
    const card = await cardIn(postId);
    assert.deepEqual(
      buttonsOf(card).map(({ name, integration }) => [name, integration]),
      [
        ['Approve', undefined],
        ['Deny', undefined],
      ],
      'what a button holds is shown to nobody',
    );

    const { status } = await fleet.person.call('POST', `/posts/${card.id}/actions/${buttonsOf(card)[0]?.id}`);

    assert.equal(status, 200);
    assert.deepEqual(await ended(), { code: '0', out: 'Approved by human\n' });
    const closed = await waitFor('the card to be closed', async () => {
      const post = (await fleet.person.replies(postId)).find(({ id }) => id === card.id);
      return post && buttonsOf(post).length === 0 && post;
    });
    assert.match(closed.message, /Approved by human: deploy\.production on web-1/);
    await fleet.person.untilReaction(postId, 'white_check_mark');
  });

  it('is decided by a button also when everything was killed since it was shown', async () => {
    const { postId, task } = await turnThatAsks(`press after all for ${newNonce()}`, ...deploy);
    const { id } = await pendingOf(task.id);
    const card = await cardIn(postId);
    const { daemon } = fleet.agent('athena');
    for (const each of [fleet.nats.process, fleet.control.process, fleet.mattermost.process, daemon])
      each.kill('SIGKILL');
    await waitFor(
      'a press to be taken',
      async () => {
        const route = `/posts/${card.id}/actions/${buttonsOf(card)[0]?.id}`;
        if ((await fleet.person.call('POST', route)).status !== 200) return false;
        return (await fleet.api<ApprovalView>(`/v1/approvals/${id}`)).state === 'approved';
      },
      { timeoutMs: 60_000, everyMs: 500 },
    );

    await fleet.person.untilReaction(postId, 'white_check_mark', 60_000);

    await untilState(task.id, 'completed');
    await waitFor('the card to be closed', async () => {
      const post = (await fleet.person.replies(postId)).find(({ id }) => id === card.id);
      return post && buttonsOf(post).length === 0 && /Approved by human/.test(post.message);
    });
  });

  it('goes on when somebody puts a thumb below the card', async () => {
    const { postId, task } = await turnThatAsks(`thumb for ${newNonce()}`, ...deploy);
    await pendingOf(task.id);
    const card = await cardIn(postId);

    const { status } = await fleet.person.call('POST', '/reactions', {
      user_id: fleet.person.userId,
      post_id: card.id,
      emoji_name: '-1',
    });

    assert.equal(status, 200);
    assert.match((await ended()).out, /^Not approved \(denied\) by human/);
    await fleet.person.untilReply(postId, /^Denied by human: deploy\.production on web-1/);
  });

  it('is told the same when its daemon is killed while it waits', async () => {
    const { postId, task } = await turnThatAsks(`which colour ${newNonce()}`, 'ask', 'Which colour?');
    const question = await pendingOf(task.id);
    fleet.agent('athena').daemon.kill('SIGKILL');

    const { code, stderr } = await cli.run(['answer', question.id, 'teal'], { USER: 'ada' });

    assert.equal(code, 0, stderr);
    assert.deepEqual(await ended(), { code: '0', out: 'teal\n' });
    await fleet.person.untilReaction(postId, 'white_check_mark');
    const task2 = await untilState(task.id, 'completed');
    assert.equal(task2.runs.length, 1);
    const { approvals } = await fleet.api<{ approvals: ApprovalView[] }>('/v1/approvals');
    assert.equal(approvals.filter(({ taskId }) => taskId === task.id).length, 1);
  });

  it('ends when nobody decides, leaves its agent free, and goes on in the same session once somebody has', async () => {
    const { postId, task } = await turnThatAsks(`deploy later ${newNonce()}`, ...deploy);
    const approval = await pendingOf(task.id);

    const { code, out } = await ended();
    assert.equal(code, '75');
    assert.match(out, /End your turn now/);
    const parked = await untilState(task.id, 'parked');
    assert.ok((parked.runs[0]?.usage?.modelCalls ?? 0) > 0, 'what it used is known');
    const other = await fleet.person.say('@athena something else meanwhile');
    await fleet.person.untilReaction(other.id, 'white_check_mark');
    fleet.agent('athena').daemon.kill('SIGKILL');
    fleet.control.process.kill('SIGKILL');
    await waitFor(
      'control to be back',
      async () => (await fleet.api<object>('/healthz').catch(() => false)) !== false,
      { timeoutMs: 20_000 },
    );

    const denied = await cli.run(['deny', approval.id, '--yes', '--why', 'too late today'], { USER: 'ada' });

    assert.equal(denied.code, 0, denied.stderr);
    await fleet.person.untilReaction(postId, 'white_check_mark', 40_000);
    const done = await untilState(task.id, 'completed');
    assert.deepEqual(
      done.runs.map(({ state }) => state),
      ['parked', 'completed'],
    );
    assert.match(done.answer ?? '', /too late today/);
    const { requests } = await fleet.modelScript.get<{ requests: { messages: { text: string }[] }[] }>(
      'requests',
    );
    const holds = (messages: { text: string }[], text: string) =>
      messages.some((each) => each.text.includes(text));
    const same = requests.some(
      ({ messages }) => holds(messages, 'too late today') && holds(messages, 'End your turn now'),
    );
    assert.ok(same, 'the session has what went before');
  });

  it('asks for nothing but a task that is under way here', async () => {
    const env = { OLYMPUS_ACTION_SOCKET: at('socket') };

    const { code, stderr } = await cli.run(['action', 'ask', 'anybody?', '--task', 'no-such-task'], env);

    assert.equal(code, 1);
    assert.match(stderr, /no run of task no-such-task is under way/);
  });
});
