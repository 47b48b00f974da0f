import assert from 'node:assert/strict';
import type { AgentView, AuditView, TaskDetail, TaskView, WhyView } from '#core/api.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { script } from '#test/control-surface.ts';
import type { TestFleet } from '#test/fleet.ts';
import { PlayedAgent } from '#test/played-agent.ts';
import { sharedFleet } from '#test/shared-fleet.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';

describe('an agent that is drained', () => {
  let control: ControlOnBus;
  let athena: PlayedAgent;
  /** What athena was told. */
  const told: string[] = [];
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena']);
    athena = await PlayedAgent.join(control, FLEET, 'athena');
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  const cli = async (...args: string[]) => {
    const ended = await new CliCaller(control.stateDir).run(args, {
      OLYMPUS_API_URL: control.url,
      OLYMPUS_API_TOKEN: control.token,
      USER: 'ada',
    });
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  };
  const view = async (): Promise<AgentView> =>
    (await control.api<AgentView>('GET', '/v1/agents/athena')).body;
  const untilTold = (verb: string): Promise<boolean> =>
    waitFor(`athena to be told to ${verb}`, () => told.at(-1) === verb, { timeoutMs: 30_000 });
  async function reportDrained(): Promise<void> {
    await athena.report({ duty: 'drained' });
    await waitFor('the agent to be drained', async () => (await view()).drain?.state === 'drained');
  }
  function listen(): void {
    for (const verb of ['drain', 'resume']) {
      athena.bus.connection.subscribe(`${FLEET}.control.athena.${verb}`, {
        callback: (_error, message) => {
          told.push(message.json<{ data: { verb: string } }>().data.verb);
          message.respond('{"ok":true}');
        },
      });
    }
  }

  it('gets nothing more, and everything says so', async () => {
    await cli('agent', 'drain', 'athena', '--why', 'new kernel');
    const { stdout } = await cli('task', 'create', 'athena', 'wait for the kernel');
    const id = stdout.trim();

    const why = JSON.parse((await cli('task', 'why', id, '--json')).stdout) as WhyView;
    assert.deepEqual(
      [why.owner, why.next, why.reason],
      ['operator', 'olympus agent resume athena', 'athena gets no new work: drained by ada: new kernel.'],
    );
    assert.match((await cli('agent', 'list')).stdout, /draining, by ada: new kernel/);
    assert.match((await cli('agent', 'show', '@athena')).stdout, /olympus agent resume athena/);
    const { body } = await control.api<{ records: AuditView[] }>('GET', '/v1/audit');
    const [record] = body.records.filter(({ entity }) => entity === 'agent');
    assert.deepEqual(
      [record?.who, record?.what, record?.entityId, record?.why],
      ['person/ada', 'drain', 'athena', 'new kernel'],
    );
    const since = (await view()).drain?.since;
    await cli('agent', 'drain', 'athena', '--why', 'again');
    assert.equal((await view()).drain?.since, since, 'the first mark stands');
  });

  it('is told until it has heard, and again whenever its heartbeat disagrees', async () => {
    listen();
    await untilTold('drain');
    await reportDrained();

    told.length = 0;
    await athena.report({ duty: 'working' });
    await untilTold('drain');
  }).timeout(120_000);

  it('stays so when the control plane is killed, and gets its work once it is resumed', async () => {
    await reportDrained();
    await control.kill();
    await control.start();
    assert.equal((await view()).drain?.why, 'new kernel');
    const { body } = await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?state=queued');
    assert.equal(body.tasks.length, 1);
    told.length = 0;

    await cli('agent', 'resume', 'athena');

    await untilTold('resume');
    const dispatch = await athena.next();
    assert.equal(dispatch.input.text, 'wait for the kernel');
    assert.equal((await view()).drain, undefined);
  }).timeout(120_000);

  it('is all of them after an emergency stop, which ends every run, and resumed with all of them', async () => {
    const { body: under } = await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?open=true');
    const [task] = under.tasks;
    assert.equal(task?.text, 'wait for the kernel');

    const { stdout } = await cli('stop-all', '--why', 'smoke', '--json');

    assert.deepEqual(JSON.parse(stdout), { runs: 1, agents: ['athena'] });
    assert.equal((await view()).drain?.why, 'smoke');
    const { body } = await control.api<TaskDetail>('GET', `/v1/tasks/${task.id}`);
    assert.deepEqual([body.state, body.reason], ['cancelling', 'cancelled by ada: smoke']);
    assert.match(
      (await cli('stop-all', '--why', 'again')).stderr,
      /1 run is being ended\. No new work for: athena/,
    );
    assert.match((await cli('agent', 'resume', '--all')).stderr, /athena gets work again/);
    assert.equal((await view()).drain, undefined);
    assert.match((await cli('agent', 'resume', '--all')).stderr, /No agent is drained/);
    const both = await new CliCaller(control.stateDir).run(['agent', 'resume', 'athena', '--all']);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /either the name of an agent or --all/);
  });

  it('has to be one that is known', async () => {
    const { status, body } = await control.api<{ message: string }>('POST', '/v1/agents/zeus/drain', {
      by: 'ada',
      why: 'a test',
    });
    assert.equal(status, 404);
    assert.match(body.message, /no agent zeus/);
  });
});

describe('a daemon that is drained', () => {
  let fleet: TestFleet;
  before(async function () {
    this.timeout(400_000);
    fleet = await sharedFleet();
  });
  after(async () => {
    if (!fleet) return;
    await fleet.modelScript.delete('script');
    await new CliCaller(fleet.stateDir).run(['agent', 'resume', 'athena']);
  });

  const view = (): Promise<AgentView> => fleet.api<AgentView>('/v1/agents/athena');

  it('finishes what it has, takes nothing more, also after it was killed, and goes on when it is resumed', async () => {
    const cli = new CliCaller(fleet.stateDir);
    await script(fleet.modelScript, { match: 'slow work', matchIn: 'any', behaviour: { kind: 'hang' } });
    const first = await fleet.person.say('@athena slow work');
    const task = await waitFor(
      'the task to run',
      async () => {
        const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks?state=running');
        return tasks.find(({ text }) => text.includes('slow work'));
      },
      { timeoutMs: 45_000 },
    );
    assert.equal((await cli.run(['agent', 'drain', 'athena', '--why', 'a test'])).code, 0);
    assert.equal((await view()).drain?.state, 'draining');
    await cli.run(['task', 'cancel', task.id]);
    await fleet.person.untilReaction(first.id, 'x');
    await waitFor('it to be drained', async () => (await view()).drain?.state === 'drained');

    fleet.agent('athena').daemon.kill('SIGKILL');
    const second = await fleet.person.say('@athena fast work');
    await fleet.person.untilReaction(second.id, 'eyes', 60_000);
    const waiting = await waitFor('the task to wait', async () => {
      const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks?state=queued');
      return tasks.find(({ text }) => text.includes('fast work'));
    });
    await waitFor(
      'the new daemon to say that it is drained',
      async () => {
        const { phase, drain, lastSeenAt } = await view();
        return (
          phase === 'Ready' &&
          drain?.state === 'drained' &&
          Date.parse(lastSeenAt) > Date.parse(waiting.createdAt)
        );
      },
      { timeoutMs: 60_000 },
    );
    assert.equal((await fleet.api<TaskDetail>(`/v1/tasks/${waiting.id}`)).runs.length, 0);

    assert.equal((await cli.run(['agent', 'resume', 'athena'])).code, 0);
    await fleet.person.untilReaction(second.id, 'white_check_mark', 45_000);
    await waitFor('its heartbeat to say so', async () => (await view()).drain === undefined);
  }).timeout(240_000);
});
