import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { TaskDetail, TaskView } from '#core/api.ts';
import { prepareScriptedFleet, type ScriptedFleet } from '#test/chaos/fleet.ts';
import { ControlSurface } from '#test/control-surface.ts';
import { noteForFailure } from '#test/failure-notes.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const LONG = { timeoutMs: 30_000 };

describe('an agent without chat, on a scripted harness', () => {
  let dir: TempDir;
  let fleet: ScriptedFleet;
  let script: ControlSurface;

  before(async function () {
    this.timeout(120_000);
    dir = await tempDir('scripted');
    fleet = await prepareScriptedFleet({ dir: dir.path, root: ROOT, agents: ['vulcan'] });
    await fleet.start();
    // It is ready once its heartbeat is stored; control reads that a moment later.
    await waitFor('vulcan to be known', () => call('GET', 'agents/vulcan'), LONG);
    script = new ControlSurface(fleet.harness.adminUrl);
  });
  afterEach(() => noteForFailure('log of olympusd', daemon().logTail()));
  after(async () => {
    await fleet[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
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

  const ask = async (text: string): Promise<TaskView> =>
    TaskView.parse(await call('POST', 'tasks', { agent: 'vulcan', text, by: 'ada' }));
  const until = (id: string, state: TaskView['state']): Promise<TaskDetail> =>
    waitFor(
      `task ${id} to be ${state}`,
      async () => {
        const task = TaskDetail.parse(await call('GET', `tasks/${id}`));
        if (task.state !== state) throw new Error(`it is ${task.state}`);
        return task;
      },
      LONG,
    );
  const effectsOf = async (runId: string | undefined): Promise<number> =>
    (await readFile(fleet.harness.effectsFile, 'utf8'))
      .split('\n')
      .filter((line) => line.includes(String(runId))).length;

  it('is ready, takes a task and answers it', async () => {
    const task = await until((await ask('forge a shield')).id, 'completed');

    const [run] = task.runs;
    assert.equal(task.answer, `This is a script, not a model; it stands for run ${run?.id}.`);
    assert.equal(await effectsOf(run?.id), 1);
  });

  it('waits for the turn that it had begun when it was killed, and has its effect once', async () => {
    await script.post('script', {
      rules: [{ match: 'slowly', behaviour: { durationMs: 3000, tools: ['anvil'] } }],
    });
    const { id } = await ask('forge slowly');
    await until(id, 'running');
    daemon().kill('SIGKILL');

    const task = await until(id, 'completed');

    assert.equal(task.runs.length, 1);
    assert.equal(await effectsOf(task.runs[0]?.id), 1);
    assert.equal(daemon().restarts, 1);
  });

  it('is told how a turn failed, and is given another where the class allows one', async () => {
    await script.post('script', {
      rules: [{ match: 'once', behaviour: { failure: 'model_overloaded' } }],
    });

    const task = await until((await ask('fail once')).id, 'completed');

    assert.deepEqual(
      task.runs.map(({ failure }) => failure),
      ['model_overloaded', undefined],
    );
    for (const run of task.runs) assert.equal(await effectsOf(run.id), 1);
  });

  it('stops a turn that never ends when its task is cancelled', async () => {
    await script.post('script', { rules: [{ match: 'for ever', behaviour: { neverEnds: true } }] });
    const { id } = await ask('forge for ever');
    await until(id, 'running');

    await call('POST', `tasks/${id}/cancel`, { by: 'ada' });

    const task = await until(id, 'cancelled');
    assert.equal(task.runs[0]?.failure, 'cancelled');
  });

  it('takes no work while the script is away, and goes on when it is back', async () => {
    await script.post('switches', { away: true });
    await waitFor(
      'the agent to be unready',
      async () => {
        const { agents } = (await call('GET', 'agents')) as { agents: { name: string; phase: string }[] };
        return agents.some(({ phase }) => phase === 'NotReady');
      },
      LONG,
    );
    const { id } = await ask('later');
    await script.post('switches', { away: false });

    await until(id, 'completed');
  });
});
