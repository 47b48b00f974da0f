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
    fleet = await prepareScriptedFleet({ dir: dir.path, root: ROOT, agents: ['vulcan', 'talos'] });
    await fleet.start();
    // It is ready once its heartbeat is stored; control reads that a moment later.
    for (const name of fleet.agents.keys()) {
      await waitFor(`${name} to be known`, () => call('GET', `agents/${name}`), LONG);
    }
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

  const ask = async (text: string, agent = 'vulcan'): Promise<TaskView> =>
    TaskView.parse(await call('POST', 'tasks', { agent, text, by: 'ada' }));
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

  it('is stopped with all others, also while a harness does not end its turn, which is not called ended then', async () => {
    const wedged = { held: true, ignoresAbort: true };
    await script.post('script', {
      rules: [
        { match: 'for ever', times: 3, behaviour: { neverEnds: true } },
        { match: 'whatever is said', behaviour: wedged },
      ],
    });
    const deaf = await ask('hammer on whatever is said', 'talos');
    const others = [await ask('for ever', 'talos'), await ask('for ever'), await ask('for ever too')];
    for (const { id } of [deaf, ...others]) await until(id, 'running');

    await call('POST', 'stop', { by: 'ada', why: 'a fire' });

    for (const { id } of others) await until(id, 'cancelled');
    const atWork = async (): Promise<string[]> => {
      const { turns } = await script.get<{ turns: { runId: string; state: string }[] }>('turns');
      return turns.filter(({ state }) => state === 'running').map(({ runId }) => runId);
    };
    const { state, runs } = TaskDetail.parse(await call('GET', `tasks/${deaf.id}`));
    assert.equal(state, 'cancelling', 'it is not called ended as long as it is at work');
    assert.deepEqual(await atWork(), [runs[0]?.id]);
    await script.post('release');
    await waitFor(
      'the task to be over',
      async () => TaskDetail.parse(await call('GET', `tasks/${deaf.id}`)).state !== 'cancelling',
      LONG,
    );
    for (const name of fleet.agents.keys()) await call('POST', `agents/${name}/resume`, { by: 'ada' });
    await until((await ask('forge a helmet')).id, 'completed');
  }).timeout(120_000);

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
