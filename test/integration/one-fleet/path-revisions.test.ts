import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { TaskView } from '#core/api.ts';
import { asked, script, untilAsked } from '#test/control-surface.ts';
import type { TestFleet } from '#test/fleet.ts';
import type { SeenPost } from '#test/person.ts';
import { sharedFleet } from '#test/shared-fleet.ts';
import { waitFor } from '#test/wait.ts';

describe('a message in chat that is changed, or deleted', function () {
  this.timeout(240_000);
  let fleet: TestFleet;
  before(async () => {
    fleet = await sharedFleet();
  });
  // What a failed test leaves must not keep the agent from the work of others.
  afterEach(() => fleet.modelScript.post('release', { match: 'busy-' }));

  /** Athena is at work as much as she may be, so that what is asked next has to wait. */
  async function busy(): Promise<SeenPost[]> {
    const marker = `busy-${randomUUID()}`;
    await script(fleet.modelScript, { match: marker, times: 2, behaviour: { kind: 'hold' } });
    const posts = [
      await fleet.person.say(`@athena one ${marker}`),
      await fleet.person.say(`@athena two ${marker}`),
    ];
    await untilAsked(fleet.modelScript, `one ${marker}`);
    await untilAsked(fleet.modelScript, `two ${marker}`);
    return posts;
  }
  async function waiting(text: string): Promise<SeenPost> {
    const post = await fleet.person.say(`@athena ${text}`);
    await fleet.person.untilReaction(post.id, 'hourglass_flowing_sand');
    return post;
  }
  const edit = (post: SeenPost, message: string) =>
    fleet.person.call('PUT', `/posts/${post.id}/patch`, { message });
  const remove = (post: SeenPost) => fleet.person.call('DELETE', `/posts/${post.id}`);
  const untilState = (text: string, state: string): Promise<TaskView> =>
    waitFor(
      `the task "${text}" to be ${state}`,
      async () => {
        const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks?limit=500');
        const found = tasks.find((task) => task.text.includes(text));
        if (found?.state !== state) throw new Error(`it is ${found?.state}`);
        return found;
      },
      // Her daemon may have to come back first.
      { timeoutMs: 60_000 },
    );
  async function untilDone(posts: readonly SeenPost[]): Promise<void> {
    await fleet.modelScript.post('release', { match: 'busy-' });
    for (const post of posts) await fleet.person.untilReaction(post.id, 'white_check_mark');
  }

  it('is done as it says now, or not at all, while it waits', async () => {
    const holding = await busy();
    const [before, after] = [`before-${randomUUID()}`, `after-${randomUUID()}`];
    const gone = `gone-${randomUUID()}`;
    const changed = await waiting(before);
    const deleted = await waiting(gone);

    assert.equal((await edit(changed, `@athena ${after}`)).status, 200);
    assert.equal((await remove(deleted)).status, 200);
    await untilState(after, 'queued');
    await untilState(gone, 'cancelled');
    await untilDone([...holding, changed]);

    assert.equal(await asked(fleet.modelScript, after), true);
    assert.equal(await asked(fleet.modelScript, before), false);
    assert.equal(await asked(fleet.modelScript, gone), false);
  });

  it('counts also where it was changed while its agent could not hear it', async () => {
    const holding = await busy();
    const [before, after] = [`unheard-${randomUUID()}`, `heard-${randomUUID()}`];
    const gone = `unheard-gone-${randomUUID()}`;
    const changed = await waiting(before);
    const deleted = await waiting(gone);
    const { daemon } = fleet.agent('athena');
    daemon.kill('SIGKILL');
    await edit(changed, `@athena ${after}`);
    await remove(deleted);

    await untilState(gone, 'cancelled');
    await untilState(after, 'queued');
    await untilDone([...holding, changed]);

    assert.equal(await asked(fleet.modelScript, before), false);
  });

  it('is too late once she has begun: she says so, and ends what is deleted', async () => {
    const [post, other] = await busy();
    assert.ok(post && other);

    await edit(post, '@athena something else entirely');
    await fleet.person.untilReply(post.id, /^You changed your message too late/);
    await remove(other);

    await untilState(other.message.replace('@athena ', ''), 'cancelled');
    await untilDone([post]);
    assert.equal(await asked(fleet.modelScript, 'something else entirely'), false);
  });
});
