import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { AgentView, TaskView } from '#core/api.ts';
import { script, untilAsked } from '#test/control-surface.ts';
import type { TestFleet } from '#test/fleet.ts';
import type { SeenPost } from '#test/person.ts';
import { sharedFleet } from '#test/shared-fleet.ts';
import { waitFor } from '#test/wait.ts';

describe('what is said to the control plane in chat', function () {
  this.timeout(180_000);
  let fleet: TestFleet;
  before(async function () {
    this.timeout(400_000);
    fleet = await sharedFleet();
  });

  // What a failed test leaves must not keep the agent from the work of others.
  afterEach(() => fleet.modelScript.post('release', { match: 'held-' }));

  /** A question that the model keeps, until its run is ended. */
  async function underWay(): Promise<SeenPost> {
    const marker = `held-${randomUUID()}`;
    await script(fleet.modelScript, { match: marker, behaviour: { kind: 'hold' } });
    const post = await fleet.person.say(`@athena take your time ${marker}`);
    await fleet.person.untilReaction(post.id, 'hammer_and_wrench');
    await untilAsked(fleet.modelScript, marker);
    return post;
  }
  const tasks = async (): Promise<TaskView[]> =>
    (await fleet.api<{ tasks: TaskView[] }>('/v1/tasks?limit=500')).tasks;

  it('is answered in its thread, once, and becomes no task', async () => {
    const before = (await tasks()).length;
    const post = await fleet.person.say('!olympus status');

    const reply = await fleet.person.untilReply(post.id, /\*\*athena\*\*: (?:Not)?Ready/);

    assert.equal(reply.root_id, post.id);
    assert.deepEqual(await fleet.person.reactions(post.id), ['eyes']);
    const unknown = await fleet.person.say('!olympus dance', { rootId: post.id });
    await fleet.person.untilReply(post.id, /I know no `dance`/);
    assert.equal((await fleet.person.replies(post.id)).length, 3, unknown.id);
    assert.equal((await tasks()).length, before);
  });

  it('is not taken from a webhook, which posts in the name of a person', async () => {
    const hook = await fleet.person.say('!olympus stop-all', { props: { from_webhook: 'true' } });
    const after = await fleet.person.say('!olympus status');
    await fleet.person.untilReply(after.id, /\*\*athena\*\*/);

    assert.deepEqual(await fleet.person.replies(hook.id), []);
    assert.deepEqual(await fleet.person.reactions(hook.id), []);
    const { agents } = await fleet.api<{ agents: AgentView[] }>('/v1/agents');
    assert.equal(agents.find(({ name }) => name === 'athena')?.drain, undefined);
  });

  it('is understood after a mention, and in a direct message', async () => {
    const post = await fleet.person.say('@athena !olympus help');
    await fleet.person.untilReply(post.id, /`!olympus stop-all \[reason\]`/);

    const { body: athena } = await fleet.person.call('GET', '/users/username/athena');
    const { body: direct } = await fleet.person.call('POST', '/channels/direct', [
      fleet.person.userId,
      athena['id'],
    ]);
    await fleet.person.call('POST', '/posts', { channel_id: direct['id'], message: '!olympus tasks' });
    await waitFor('the answer', async () => {
      const { body } = await fleet.person.call('GET', `/channels/${direct['id']}/posts`);
      return JSON.stringify(body).includes('Nothing is to be done here.');
    });
  });

  it('ends the run of the thread in which it is said', async () => {
    const post = await underWay();

    await fleet.person.say('!olympus cancel @apollo changed my mind', { rootId: post.id });

    await fleet.person.untilReply(
      post.id,
      /This was stopped before it was done.*human: @\u200bapollo changed my mind/,
    );
    await fleet.person.untilReaction(post.id, 'x');
  });

  it('stops everything, and lets it go on', async () => {
    const post = await underWay();

    const stop = await fleet.person.say('!olympus stop-all enough for today');
    await fleet.person.untilReply(
      stop.id,
      /^Stopped: 1 run is being ended, and \*\*athena\*\* gets no new work/,
    );
    await fleet.person.untilReply(post.id, /This was stopped before it was done.*human: enough for today/);
    const later = await fleet.person.say('@athena and this?');
    await fleet.person.untilReaction(later.id, 'hourglass_flowing_sand');
    const { agents } = await fleet.api<{ agents: AgentView[] }>('/v1/agents');
    assert.equal(agents.find(({ name }) => name === 'athena')?.drain?.by, 'human');

    await fleet.person.say('!olympus resume all', { rootId: stop.id });

    await fleet.person.untilReaction(later.id, 'white_check_mark');
  });
});
