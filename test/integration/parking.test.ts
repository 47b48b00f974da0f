import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { TaskDetail, TaskView, WhyView } from '#core/api.ts';
import { ApprovalView } from '#core/api-approvals.ts';
import { newNonce } from '#lib/id.ts';
import { prepareScriptedFleet, type ScriptedFleet } from '#test/chaos/fleet.ts';
import { CliCaller } from '#test/cli-call.ts';
import { ControlSurface } from '#test/control-surface.ts';
import { noteForFailure } from '#test/failure-notes.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** A message in the hand of a process that is killed comes again after 30 seconds. */
const LONG = { timeoutMs: 75_000 };
const DEPLOY = ['approval', '--kind', 'deploy.production', '--target', 'web-1', '--summary', 'put it there'];

/** Moments at which a process may die, by what can be seen of them from outside. */
const POINTS = ['it is asked', 'the turn is told to end', 'the task is parked', 'it is decided'] as const;

describe('a run that waits for people', function () {
  this.timeout(180_000);
  let dir: TempDir;
  let fleet: ScriptedFleet;
  let script: ControlSurface;
  let cli: CliCaller;

  before(async () => {
    dir = await tempDir('parking');
    const settings = { OLYMPUS_ACTION_SOCKET: path.join(dir.path, 's'), OLYMPUS_ASK_WAIT_MS: '2500' };
    fleet = await prepareScriptedFleet({ dir: dir.path, root: ROOT, agents: ['vulcan'], settings });
    await fleet.start();
    script = new ControlSurface(fleet.harness.adminUrl);
    cli = new CliCaller(dir.path);
    // It is ready once its heartbeat is stored; control reads that a moment later.
    await waitFor('vulcan to be known', () => call('GET', 'agents/vulcan'), LONG);
  });
  afterEach(() => {
    noteForFailure('log of olympusd', daemon().logTail());
    noteForFailure('log of control', fleet.control.process.logTail());
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const daemon = () => {
    const member = fleet.agents.get('vulcan');
    if (!member) throw new Error('there is no vulcan');
    return member.process;
  };
  async function call(method: 'GET' | 'POST', route: string, body?: object): Promise<unknown> {
    const response = await fetch(`${fleet.control.url}/v1/${route}`, {
      method,
      headers: {
        authorization: `Bearer ${fleet.control.token}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(10_000),
    });
    assert.ok(response.ok, `${method} ${route}: ${response.status}`);
    return response.json();
  }
  const show = async (id: string): Promise<TaskDetail> => TaskDetail.parse(await call('GET', `tasks/${id}`));
  const until = (id: string, state: TaskView['state']): Promise<TaskDetail> =>
    waitFor(
      `task ${id} to be ${state}`,
      async () => {
        const task = await show(id);
        if (task.state !== state) throw new Error(`it is ${task.state}`);
        return task;
      },
      LONG,
    );
  const ofTask = async (id: string): Promise<ApprovalView[]> => {
    const { approvals } = (await call('GET', 'approvals?limit=500')) as { approvals: unknown[] };
    return approvals.map((each) => ApprovalView.parse(each)).filter(({ taskId }) => taskId === id);
  };
  const asked = (id: string): Promise<ApprovalView> =>
    waitFor('people to be asked', async () => (await ofTask(id))[0], LONG);
  const effectsOf = async (runId: string): Promise<number> =>
    (await readFile(fleet.harness.effectsFile, 'utf8')).split('\n').filter((line) => line.includes(runId))
      .length;
  const turnSays = (words: readonly string[], id: string) =>
    cli.start(['action', ...words, '--task', id], { OLYMPUS_ACTION_SOCKET: path.join(dir.path, 's') }).ended;

  /** A task whose first turn goes on until it is released. */
  async function taskOf(behaviour: object = { held: true }): Promise<string> {
    const text = `work ${newNonce()}`;
    await script.post('script', { rules: [{ match: text, behaviour }] });
    const { id } = TaskView.parse(await call('POST', 'tasks', { agent: 'vulcan', text, by: 'ada' }));
    await until(id, 'running');
    return id;
  }

  /** Lets the turn under way end: what it is to have done before, it has. */
  const turnEnds = (): Promise<unknown> =>
    waitFor('the turn to be let go', async () => {
      const { released } = await script.post<{ released: number }>('release');
      return released > 0;
    });

  for (const victim of ['daemon', 'control'] as const) {
    for (const point of POINTS) {
      it(`is asked once, decided once and resumed once when ${victim} dies as ${point}`, async () => {
        const kill = (now: (typeof POINTS)[number]): void => {
          if (now === point) (victim === 'daemon' ? daemon() : fleet.control.process).kill('SIGKILL');
        };
        const id = await taskOf();
        const turn = turnSays(DEPLOY, id);
        const approval = await asked(id);
        kill('it is asked');
        const { code, stdout, stderr } = await turn;
        assert.equal(code, 75, stdout + stderr);
        kill('the turn is told to end');
        await turnEnds();
        await until(id, 'parked');
        kill('the task is parked');
        const why = await waitFor(
          'a reason',
          async () => WhyView.parse(await call('GET', `tasks/${id}/why`)),
          LONG,
        );
        assert.equal(why.next, `olympus approve ${approval.id}`);

        const decision = { by: 'ada', hash: approval.hash };
        await waitFor('the decision', () => call('POST', `approvals/${approval.id}/approve`, decision), LONG);
        kill('it is decided');

        const done = await until(id, 'completed');
        assert.deepEqual(
          done.runs.map(({ state }) => state),
          ['parked', 'completed'],
        );
        for (const run of done.runs) assert.equal(await effectsOf(run.id), 1);
        assert.deepEqual(
          (await ofTask(id)).map(({ state, decidedBy }) => [state, decidedBy]),
          [['approved', 'ada']],
        );
      });
    }
  }

  it('is parked at once when its turn ends with a question open, and learns the answer in the next', async () => {
    const id = await taskOf();
    const turn = turnSays(['ask', 'Which colour?', '--choice', 'teal', '--choice', 'rust'], id);
    const question = await asked(id);
    await turnEnds();
    await until(id, 'parked');
    await script.post('script', { rules: [{ match: 'Which colour', behaviour: { held: true } }] });
    await call('POST', `approvals/${question.id}/answer`, { by: 'ada', answer: 'teal' });
    await until(id, 'running');

    const again = await turnSays(['ask', 'Which colour?', '--choice', 'teal', '--choice', 'rust'], id);

    assert.deepEqual([again.code, again.stdout], [0, 'teal\n']);
    await turnEnds();
    assert.equal((await until(id, 'completed')).runs.length, 2);
    assert.equal((await ofTask(id)).length, 1, 'the same question is the same');
    await turn;
  });

  it('tells a turn under way what was decided, and completes in one run', async () => {
    const id = await taskOf();
    const turn = turnSays(DEPLOY, id);
    const approval = await asked(id);
    await call('POST', `approvals/${approval.id}/deny`, { by: 'ada', why: 'not today' });

    const { code, stdout } = await turn;

    assert.deepEqual([code, stdout], [3, 'Not approved (denied) by ada: not today\n']);
    await turnEnds();
    assert.equal((await until(id, 'completed')).runs.length, 1);
  });

  it('ends when its task is cancelled, and nothing is left to be decided', async () => {
    const id = await taskOf({ neverEnds: true });
    const turn = turnSays(DEPLOY, id);
    await asked(id);
    await call('POST', `tasks/${id}/cancel`, { by: 'ada' });

    await until(id, 'cancelled');

    assert.equal((await turn).code, 3);
    assert.deepEqual(
      (await ofTask(id)).map(({ state }) => state),
      ['withdrawn'],
    );
  });
});
