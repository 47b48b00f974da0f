import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import type { TaskDetail, TaskView } from '#core/api.ts';
import type { ApprovalView } from '#core/api-approvals.ts';
import { newNonce } from '#lib/id.ts';
import { CliCaller } from '#test/cli-call.ts';
import { asked, script } from '#test/control-surface.ts';
import { startFleet, type TestFleet } from '#test/fleet.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';

/** Longer than it takes a daemon that was killed to be back at work, on a busy machine. */
const ASK_WAIT_MS = 30_000;

/** Real turns in a real gateway, which is told to ask. */
describe('a command that needs an approval', function () {
  this.timeout(180_000);
  let fleet: TestFleet;
  let dir: TempDir;
  let cli: CliCaller;
  before(async function () {
    this.timeout(400_000);
    dir = await tempDir('commands');
    fleet = await startFleet({ exec: 'ask', settings: { OLYMPUS_ASK_WAIT_MS: String(ASK_WAIT_MS) } });
    cli = new CliCaller(fleet.stateDir);
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  interface Wanted {
    readonly postId: string;
    readonly task: TaskView;
    readonly command: string;
    /** How often it has run. */
    readonly runs: () => Promise<number>;
  }

  /** Has the model want the same command so many times; resolves once the task is there. */
  async function wanting(times: number): Promise<Wanted> {
    const text = `count ${newNonce()}`;
    const [file, log] = ['.sh', '.log'].map((suffix) => path.join(dir.path, `${newNonce()}${suffix}`));
    assert.ok(file && log);
    await writeFile(file, `echo ran >> '${log}'\necho counted\n`);
    const command = `sh ${file}`;
    await script(fleet.modelScript, {
      match: text,
      matchIn: 'any',
      times,
      behaviour: { kind: 'tool', name: 'exec', args: { command, workdir: dir.path } },
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
    const runs = async (): Promise<number> =>
      existsSync(log) ? (await readFile(log, 'utf8')).split('\n').length - 1 : 0;
    return { postId: post.id, task, command, runs };
  }

  const approvalsOf = async (taskId: string): Promise<ApprovalView[]> =>
    (await fleet.api<{ approvals: ApprovalView[] }>('/v1/approvals?limit=500')).approvals.filter(
      (each) => each.taskId === taskId,
    );
  const pendingOf = (taskId: string): Promise<ApprovalView> =>
    waitFor(
      'something to decide',
      async () => (await approvalsOf(taskId)).find(({ state }) => state === 'pending'),
      { timeoutMs: 90_000 },
    );
  const untilState = (taskId: string, state: string): Promise<TaskDetail> =>
    waitFor(
      `the task to be ${state}`,
      async () => {
        const task = await fleet.api<TaskDetail>(`/v1/tasks/${taskId}`);
        return task.state === state && task;
      },
      { timeoutMs: 90_000 },
    );
  async function decide(verb: 'approve' | 'deny', { id }: ApprovalView): Promise<void> {
    const { code, stderr } = await cli.run([verb, id, '--yes'], { USER: 'ada' });
    assert.equal(code, 0, stderr);
  }

  it('runs once for each approval, of exactly what was shown', async () => {
    const { task, command, runs } = await wanting(2);
    const first = await pendingOf(task.id);
    assert.deepEqual(first.action, {
      kind: 'exec.shell',
      target: hostname(),
      params: { command, cwd: dir.path },
    });
    assert.equal(await runs(), 0);

    await decide('approve', first);

    const second = await pendingOf(task.id);
    assert.notEqual(second.id, first.id);
    assert.equal(second.hash, first.hash);
    assert.equal(await runs(), 1);
    await decide('approve', second);
    await untilState(task.id, 'completed');
    assert.equal(await runs(), 2);
    assert.ok(await asked(fleet.modelScript, 'counted'), 'the model has its output');
  });

  it('does not run when it is denied, and nobody is asked the same again', async () => {
    const { task, command, runs } = await wanting(2);

    await decide('deny', await pendingOf(task.id));

    await untilState(task.id, 'completed');
    assert.equal(await runs(), 0);
    assert.equal((await approvalsOf(task.id)).length, 1);
    assert.ok(await asked(fleet.modelScript, `user-denied): ${command}`), 'the model was not told');
  });

  it('runs when a button is pressed by who may, though its daemon was killed since it was wanted', async () => {
    const { postId, task, runs } = await wanting(1);
    const { id } = await pendingOf(task.id);
    const approve = await waitFor('a post with buttons', async () => {
      const posts = await fleet.person.replies(postId);
      return posts.flatMap(({ id, props }) =>
        ((props['attachments'] ?? []) as { actions?: { id: string }[] }[]).flatMap(({ actions = [] }) =>
          actions.map((action) => `/posts/${id}/actions/${action.id}`),
        ),
      )[0];
    });
    const press = async (): Promise<string | undefined> => {
      assert.equal((await fleet.person.call('POST', approve)).status, 200);
      return (await approvalsOf(task.id)).find((each) => each.id === id)?.state;
    };
    const human = { username: 'human' };
    const { roles } = await fleet.chatFaults.post<{ roles: string }>('account', human);
    await fleet.chatFaults.post('account', { ...human, roles: 'system_guest' });
    assert.equal(await press(), 'pending', 'a guest has decided');
    await fleet.chatFaults.post('account', { ...human, roles });
    fleet.agent('athena').daemon.kill('SIGKILL');

    await waitFor('a press to be taken', async () => (await press()) === 'approved', { timeoutMs: 60_000 });

    const done = await untilState(task.id, 'completed');
    assert.equal(await runs(), 1);
    assert.equal(done.runs.length, 1);
  });

  it('holds no place while nobody decides, and runs once in the run that goes on', async () => {
    const { task, runs } = await wanting(2);
    const approval = await pendingOf(task.id);
    await untilState(task.id, 'parked');
    assert.equal(await runs(), 0);

    await decide('approve', approval);

    const done = await untilState(task.id, 'completed');
    assert.deepEqual(
      done.runs.map(({ state }) => state),
      ['parked', 'completed'],
    );
    assert.equal(await runs(), 1);
    assert.equal((await approvalsOf(task.id)).length, 1);
  });

  it('does not run when its task is cancelled, and nobody is asked any more', async () => {
    const { task, runs } = await wanting(1);
    const approval = await pendingOf(task.id);

    const { code, stderr } = await cli.run(['task', 'cancel', task.id], { USER: 'ada' });

    assert.equal(code, 0, stderr);
    await untilState(task.id, 'cancelled');
    const [ended] = await approvalsOf(task.id);
    assert.deepEqual([ended?.id, ended?.state], [approval.id, 'withdrawn']);
    assert.equal(await runs(), 0);
  });
});
