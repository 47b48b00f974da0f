import assert from 'node:assert/strict';
import type { AgentView, TaskDetail, TaskView } from '#core/api.ts';
import { streamNames } from '#core/streams.ts';
import { BusObserver } from '#test/bus-observer.ts';
import { CliCaller } from '#test/cli-call.ts';
import { script, untilAsked } from '#test/control-surface.ts';
import type { TestFleet } from '#test/fleet.ts';
import { sharedFleet } from '#test/shared-fleet.ts';
import { waitFor } from '#test/wait.ts';

describe('a task that is cancelled while its agent is at work', () => {
  let fleet: TestFleet;
  let cli: CliCaller;
  before(async function () {
    this.timeout(400_000);
    fleet = await sharedFleet();
    cli = new CliCaller(fleet.stateDir);
  });
  after(async () => {
    await fleet?.modelScript.delete('script');
  });

  it('ends in the gateway, says so in its thread, and leaves the agent free for the next', async () => {
    await script(fleet.modelScript, { match: 'endless work', matchIn: 'any', behaviour: { kind: 'hang' } });
    const post = await fleet.person.say('@athena endless work');
    await fleet.person.untilReaction(post.id, 'hammer_and_wrench');
    const task = await waitFor('the task to run', async () => {
      const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks?state=running');
      return tasks.find(({ text }) => text.includes('endless work'));
    });
    await untilAsked(fleet.modelScript, 'endless work');
    assert.equal((await outcomes()).length, 1);

    const { code, stderr } = await cli.run(['task', 'cancel', task.id, '--why', 'changed my mind'], {
      USER: 'ada',
    });

    assert.equal(code, 0, stderr);
    await fleet.person.untilReaction(post.id, 'x');
    const said = await fleet.person.replies(post.id);
    assert.match(
      said.at(-1)?.message ?? '',
      /stopped before it was done \(cancelled by ada: changed my mind\)/,
    );
    const ended = await fleet.api<TaskDetail>(`/v1/tasks/${task.id}`);
    assert.equal(ended.state, 'cancelled');
    assert.equal(ended.runs.length, 1);
    await waitFor('the provider to be left alone', async () =>
      (await outcomes()).every((each) => each === 'gone'),
    );

    const next = await fleet.person.say('@athena and now something else');
    await fleet.person.untilReaction(next.id, 'white_check_mark');
  }).timeout(180_000);

  it('ends at once when its agent has not taken it, though no work is pulled while the gateway is away', async () => {
    const { gateway } = fleet.agent('athena');
    const phase = async (): Promise<string> => (await fleet.api<AgentView>('/v1/agents/athena')).phase;
    await using bus = await BusObserver.connect(fleet.nats.url, fleet.nats.observerSeed);
    await waitFor('athena to be ready', async () => (await phase()) === 'Ready', { timeoutMs: 60_000 });
    gateway.process.kill('SIGSTOP');
    try {
      await waitFor('athena to take nothing', async () => (await phase()) === 'NotReady', {
        timeoutMs: 30_000,
      });
      await waitFor(
        'the pulls under way to be over',
        async () => (await bus.pullsOf(streamNames.tasks, 'athena')) === 0,
        { timeoutMs: 60_000 },
      );
      const created = await cli.run(['task', 'create', 'athena', 'never begun']);
      assert.equal(created.code, 0, created.stderr);
      const id = created.stdout.trim();
      const state = async (): Promise<string> => (await fleet.api<TaskDetail>(`/v1/tasks/${id}`)).state;
      await waitFor('it to be released', async () => (await state()) === 'released', { timeoutMs: 20_000 });

      assert.equal((await cli.run(['task', 'cancel', id])).code, 0);

      await waitFor('it to be cancelled', async () => (await state()) === 'cancelled', { timeoutMs: 20_000 });
    } finally {
      gateway.process.kill('SIGCONT');
    }
    const next = await fleet.person.say('@athena and after that');
    await fleet.person.untilReaction(next.id, 'white_check_mark', 60_000);
    assert.deepEqual(await outcomesOf('never begun'), []);
  }).timeout(180_000);

  const outcomes = (): Promise<string[]> => outcomesOf('endless work');

  async function outcomesOf(text: string): Promise<string[]> {
    const { requests } = await fleet.modelScript.get<{ requests: { outcome: string; prompt?: unknown }[] }>(
      'requests',
    );
    return requests.filter((request) => JSON.stringify(request).includes(text)).map(({ outcome }) => outcome);
  }
});
