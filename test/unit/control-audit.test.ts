import assert from 'node:assert/strict';
import { ApprovalRequest } from '#core/messages/approval-request.ts';
import type { TaskEvent } from '#core/task-states.ts';
import { arrived, controlOver, headOf } from '#test/control-without-bus.ts';
import { heartbeatOf, requestOf } from '#test/messages.ts';
import { delegationOf, eventOf, resultOf } from '#test/run-messages.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { WatchedStore } from '#test/watched-store.ts';
import { writeSites } from '#test/write-sites.ts';
import { admit } from '../../src/control/admission/admission.ts';
import { decideApproval } from '../../src/control/approvals/decide.ts';
import { keepRecord } from '../../src/control/artifacts/keep-record.ts';
import { cancelTask } from '../../src/control/cancel/cancel.ts';
import { drainAgent, resumeAgent } from '../../src/control/drain/drain.ts';
import type { RunRecord, TaskRecord } from '../../src/control/store/records.ts';
import { advanceTask } from '../../src/control/tasks/advance.ts';
import { startMission } from '../../src/control/workflow/start.ts';

const FLEET = 'olympus';
const ADA = { by: 'ada', why: 'it rains' } as const;
const LONG_AGO = 1;
/** Writes that are no change of anything: what is to be sent, counts, what was learnt elsewhere, the record itself, and that somebody was told. */
const NO_CHANGE = new Set([
  ...['outbox', 'asks', 'chatCommands', 'github', 'githubCursors', 'audit'],
  'tasks.markToldQueued',
]);

describe('the record of what was changed', () => {
  let dir: TempDir;
  let store: WatchedStore;
  let control: ReturnType<typeof controlOver>;

  before(async () => {
    dir = await tempDir('audit');
    store = new WatchedStore(dir.path);
    control = controlOver(store);
    await beat();
  });
  after(async () => {
    await store.stop();
    await dir[Symbol.asyncDispose]();
  });

  const beat = (says: Parameters<typeof heartbeatOf>[1] = {}): Promise<void> =>
    control.heartbeat(
      arrived(`${FLEET}.heartbeat.athena`, heartbeatOf('athena', { concurrency: 100, ...says })),
    );
  const records = async (entity: 'agent' | 'run' | 'approval' | 'mission' | 'artifact', id: string) =>
    (await store.read.audit.of(entity, id)).map(({ who, what, state }) => `${who} ${what} ${state}`);

  function ask(
    request: { after?: string[]; debounce?: { key: string; windowMs: number } } = {},
  ): Promise<TaskRecord> {
    const { data } = requestOf('athena', 'Look.');
    const asked = {
      author: 'athena',
      by: 'agent/athena',
      request: { ...data, ...request },
      depth: 0,
    } as const;
    return store.transaction((tx) => admit(tx, control.limits, asked));
  }
  async function taskOf(id: string): Promise<TaskRecord> {
    const task = await store.read.tasks.byId(id);
    assert.ok(task);
    return task;
  }
  async function runOf(task: Pick<TaskRecord, 'id'>): Promise<RunRecord> {
    const run = (await store.read.runs.ofTask(task.id)).at(-1);
    assert.ok(run);
    return run;
  }
  const released = async (): Promise<RunRecord> => runOf(await ask());
  const cancel = async ({ taskId }: RunRecord): Promise<void> => {
    await store.transaction(async (tx) => cancelTask(tx, control.context, await taskOf(taskId), ADA));
  };
  const step = ({ taskId }: RunRecord, event: TaskEvent, reason: string): Promise<TaskRecord> =>
    store.transaction(async (tx) =>
      advanceTask(tx, control.context, await taskOf(taskId), event, { by: 'control', reason }),
    );
  const tell = (run: RunRecord, event: string): Promise<void> => control.runEvent(eventOf(run, event));
  const succeed = (run: RunRecord): Promise<void> =>
    control.result(resultOf(run, { outcome: 'success', summary: 'Seen.' }));
  const askAgent = async (run: RunRecord): Promise<void> =>
    control.delegation(await delegationOf(run, 'perseus', 'What is new?'));
  function askApproval(
    { id: runId, taskId, epoch }: RunRecord,
    key: string,
    target = 'web-1',
  ): Promise<void> {
    const action = { kind: 'deploy', target, params: {} };
    const data = { key, taskId, runId, epoch, expiresInMs: 60_000, action, summary: 'deploy it' };
    const message = ApprovalRequest.create(headOf(taskId), data);
    return control.decision(arrived(`${FLEET}.requests.athena.approval`, message));
  }
  async function approvalOf(taskId: string) {
    const approval = (await store.read.approvals.ofTask(taskId)).at(-1);
    assert.ok(approval);
    return approval;
  }

  it('has that an agent is new, or another than before, and not each heartbeat', async () => {
    await beat();
    await beat({ runs: ['r-1'] });
    await beat({ domains: ['planning', 'security'] });
    await store.transaction(async (tx) => {
      const agent = await tx.agents.byName('athena');
      if (agent) await drainAgent(tx, control.context, agent, ADA);
    });
    await store.transaction(async (tx) => {
      const agent = await tx.agents.byName('athena');
      if (agent) await resumeAgent(tx, control.context, agent, { by: 'ada' });
    });

    assert.deepEqual(await records('agent', 'athena'), [
      'agent/athena register working',
      'agent/athena change working',
      'person/ada drain drained',
      'person/ada resume working',
    ]);
    const [, change, , resume] = await store.read.audit.of('agent', 'athena');
    assert.equal(change?.why, 'domains ["planning","security"], was ["planning"]');
    assert.equal(resume?.why, 'over is what ada drained it for: it rains');
  });

  it('has that an agent is in alarm, and that it is over', async () => {
    await beat({ conditions: [{ name: 'chat', ready: false, alarm: true, reason: 'deaf' }] });
    await beat();

    assert.deepEqual((await records('agent', 'athena')).slice(-2), [
      'agent/athena alarm working',
      'agent/athena alarm-over working',
    ]);
  });

  it('has no more of an agent that says all the time that it is another', async () => {
    for (let times = 0; times < 70; times += 1) await beat({ role: `role ${times}` });

    const changes = (await records('agent', 'athena')).filter((each) => each.includes('change'));
    assert.equal(changes.length, 60);
    assert.notEqual((await store.read.agents.byName('athena'))?.heartbeat.role, 'role 69');
  });

  it('has of a task who asked, and how it ended', async () => {
    const run = await released();
    await tell(run, 'claimed');
    await tell(run, 'started');
    await succeed(run);

    const steps = await store.read.audit.of('task', run.taskId);
    assert.deepEqual(
      steps.map(({ what, why }) => [what, why]),
      [
        ['admit', 'asked by ada'],
        ['queue', 'waiting for athena'],
        ['release', 'released to athena'],
        ['claim', 'run claimed by athena'],
        ['start', 'run started by athena'],
        ['complete', `run ${run.id} ended: success`],
      ],
    );
    assert.deepEqual(await records('run', run.id), [], 'it says nothing that its task does not');
  });

  it('has what happens to a run alone, while its task stays as it is', async () => {
    const discarded = await released();
    await tell(discarded, 'discarded');
    const begun = await released();
    await cancel(begun);
    await tell(begun, 'claimed');
    await tell(begun, 'started');
    await tell(begun, 'started');
    const late = await released();
    await step(late, 'expire', 'its deadline has passed');
    await succeed(late);
    const parked = await released();
    await step(parked, 'expire', 'its deadline has passed');
    await tell(parked, 'parked');

    assert.deepEqual(await records('run', discarded.id), ['agent/athena discard discarded']);
    assert.deepEqual(await records('run', begun.id), [
      'agent/athena claim claimed',
      'agent/athena start running',
    ]);
    assert.deepEqual(await records('run', late.id), ['agent/athena finish completed']);
    assert.deepEqual(await records('run', parked.id), ['agent/athena park parked']);
  });

  it('has what becomes of a decision that is asked more than once', async () => {
    const first = await released();
    await askApproval(first, 'key');
    await askApproval(first, 'key');
    await tell(first, 'parked');
    const asked = await approvalOf(first.taskId);
    await store.transaction((tx) =>
      decideApproval(tx, control.context, asked, {
        by: 'ada',
        isNamed: true,
        event: 'approve',
        hash: asked.hash,
      }),
    );
    await ask(); // has what is queued released
    const second = await runOf({ id: first.taskId });
    assert.notEqual(second.id, first.id);
    await askApproval(second, 'key');
    await askApproval(second, 'key', 'another');
    await askApproval(second, 'key', 'another');

    assert.deepEqual(await records('approval', asked.id), [
      'agent/athena ask pending',
      'person/ada approve approved',
      'agent/athena bind approved',
    ]);
    assert.equal((await store.read.audit.of('approval', asked.id))[1]?.why, 'deploy it');
    assert.deepEqual(await records('run', second.id), ['control refuse released']);
  });

  it('has that what was withdrawn is asked as something new', async () => {
    const first = await released();
    await askApproval(first, 'again');
    const withdrawn = await approvalOf(first.taskId);
    await step(first, 'bury', 'handed out in vain');
    await step(first, 'retry', 'tried again');
    await ask(); // has what is queued released
    await askApproval(await runOf({ id: first.taskId }), 'again');

    assert.deepEqual((await records('approval', withdrawn.id)).slice(1), [
      'control withdraw withdrawn',
      'agent/athena let-go withdrawn',
    ]);
  });

  it('has what a run asks of another agent, and that a later one asks the same', async () => {
    await control.heartbeat(arrived(`${FLEET}.heartbeat.perseus`, heartbeatOf('perseus')));
    const first = await released();
    await askAgent(first);
    await step(first, 'retry', 'model_overloaded');
    await ask(); // has what is queued released
    const second = await runOf({ id: first.taskId });
    await askAgent(second);

    const [child] = await store.read.tasks.childrenOf(first.taskId);
    const steps = await store.read.audit.of('task', child?.id ?? '');
    assert.deepEqual(
      steps.map(({ who, what, why }) => [who, what, why]).filter(([who]) => who !== 'control'),
      [
        ['agent/athena', 'admit', `asked by athena for task ${first.taskId}`],
        ['agent/athena', 'bind', `run ${second.id} asks the same`],
      ],
    );
  });

  it('has a workflow that was started, and what a task waits for', async () => {
    const step = { id: 'look', agent: 'athena', ask: 'Look.' };
    const workflow = { name: 'news', lead: 'athena', steps: [step], join: { deadline: 60_000, need: 1 } };
    const mission = await store.transaction((tx) =>
      startMission(
        tx,
        control.limits,
        { ...workflow, synthesise: 'Sum it up.' },
        { by: 'ada', dedupKey: 'm' },
      ),
    );
    await ask({ after: [(await ask()).id] });
    const debounce = { key: 'typing', windowMs: 60_000 };
    assert.equal((await ask({ debounce })).id, (await ask({ debounce })).id);

    assert.deepEqual(await records('mission', mission.id), ['person/ada start started']);
  });

  it('has what was brought, and what is forgotten of it', async () => {
    const old = {
      digest: 'sha256:old',
      producer: 'agent/athena',
      trust: 'bot',
      bytes: 3,
      mediaType: 'text/plain',
    } as const;
    await store.transaction((tx) => keepRecord(tx, { ...old, createdAt: LONG_AGO }));
    await store.transaction((tx) => keepRecord(tx, { ...old, digest: 'sha256:new', createdAt: Date.now() }));

    assert.deepEqual(await records('artifact', 'sha256:old'), [
      'agent/athena store stored',
      'control forget forgotten',
    ]);
  });

  it('lacks nothing of all that, and all that the control plane can write was tried here', () => {
    assert.deepEqual(store.unrecorded, []);
    const untried = [...writeSites(store.read, NO_CHANGE)].filter(([site]) => !store.called.has(site));
    assert.deepEqual(untried, [], 'try it in this file, so that its record is seen to be there');
  });
});
