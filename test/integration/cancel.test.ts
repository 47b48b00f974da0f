import assert from 'node:assert/strict';
import type { TaskDetail, TaskView } from '#core/api.ts';
import { CliCaller } from '#test/cli-call.ts';
import { script } from '#test/control-surface.ts';
import type { TestFleet } from '#test/fleet.ts';
import { sharedFleet } from '#test/shared-fleet.ts';
import { waitFor } from '#test/wait.ts';

describe('a task that is cancelled while its agent is at work', () => {
  let fleet: TestFleet;
  let cli: CliCaller;
  before(async function () {
    this.timeout(180_000);
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
    await waitFor('the model to be asked', async () => (await asked()) === 1, { timeoutMs: 10_000 });

    const { code, stderr } = await cli.run(['task', 'cancel', task.id, '--why', 'changed my mind'], {
      USER: 'ada',
    });

    assert.equal(code, 0, stderr);
    await fleet.person.untilReaction(post.id, 'x', 20_000);
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
    await fleet.person.untilReaction(next.id, 'white_check_mark', 20_000);
  });

  async function outcomes(): Promise<string[]> {
    const { requests } = await fleet.modelScript.get<{ requests: { outcome: string; prompt?: unknown }[] }>(
      'requests',
    );
    return requests
      .filter((request) => JSON.stringify(request).includes('endless work'))
      .map(({ outcome }) => outcome);
  }

  async function asked(): Promise<number> {
    return (await outcomes()).length;
  }
});
