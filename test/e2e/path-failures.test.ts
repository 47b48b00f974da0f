import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { TaskView } from '#core/api.ts';
import { script, untilAsked } from '#test/control-surface.ts';
import { startFleet, type TestFleet } from '#test/fleet.ts';
import { waitFor } from '#test/wait.ts';

const DIGEST = /prompt-digest: [0-9a-f]{64}/;

describe('when something is away or broken, the thread says so and the answer comes once', () => {
  let fleet: TestFleet;
  before(async function () {
    this.timeout(400_000);
    // Room for a gateway that starts within a run (6-20 s) and its first turn (4-9 s) on a busy machine.
    fleet = await startFleet({ runTimeoutSeconds: 45 });
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
  });

  it('NATS away for a minute: tells, keeps, and answers when it is back', async function () {
    this.timeout(120_000);
    const goneAt = Date.now();
    await fleet.nats.process.halt();
    const post = await fleet.person.say('@athena without a bus?');

    await fleet.person.untilReaction(post.id, 'eyes');
    await fleet.person.untilReply(post.id, /cannot reach the message bus/);
    await waitFor('a minute to be over', () => Date.now() - goneAt >= 60_000, {
      timeoutMs: 61_000,
      everyMs: 500,
    });
    await fleet.nats.process.start(AbortSignal.timeout(20_000));
    await answeredOnce(fleet, post.id);
  });

  it('control away: tells, keeps, and answers when it is back', async () => {
    await fleet.control.process.halt();
    const post = await fleet.person.say('@athena without control?');

    await fleet.person.untilReply(post.id, /the control plane has not answered yet/);
    await fleet.control.process.start(AbortSignal.timeout(20_000));
    await answeredOnce(fleet, post.id);
  });

  it('chat failing: the answer waits and is posted once', async () => {
    await script(fleet.modelScript, { match: 'while chat fails', behaviour: { kind: 'slow', overMs: 500 } });
    const post = await fleet.person.say('@athena while chat fails');
    await fleet.person.untilReaction(post.id, 'hammer_and_wrench');
    for (const status of [502, 429, 500]) {
      await fleet.chatFaults.post('faults', {
        kind: 'fail-next',
        method: 'POST',
        pathPattern: '/posts$',
        status,
        count: 1,
      });
    }

    await answeredOnce(fleet, post.id);
  });

  it('chat away: the result is kept, and its answer posted once when chat is back', async function () {
    this.timeout(90_000);
    await script(fleet.modelScript, { match: 'before chat goes', behaviour: { kind: 'hold' } });
    const post = await fleet.person.say('@athena before chat goes');
    await untilAsked(fleet.modelScript, 'before chat goes');
    await fleet.mattermost.process.halt();
    await fleet.modelScript.post('release', { match: 'before chat goes' });

    await waitFor('the task to be completed', () => isCompleted(fleet, 'before chat goes'), {
      timeoutMs: 30_000,
    });
    await fleet.mattermost.process.start(AbortSignal.timeout(20_000));
    await answeredOnce(fleet, post.id);
  });

  it('the gateway stopped: tells, and answers once when it is back', async function () {
    this.timeout(90_000);
    const { gateway } = fleet.agent('athena');
    await gateway.process.halt();
    const post = await fleet.person.say('@athena without a gateway?');

    await fleet.person.untilReply(post.id, /OpenClaw gateway is not answering/);
    await gateway.process.start(AbortSignal.timeout(60_000));
    await answeredOnce(fleet, post.id);
  });

  it('the daemon drains on SIGTERM: the answer under way is given first', async () => {
    await script(fleet.modelScript, { match: 'before you go', behaviour: { kind: 'slow', overMs: 1500 } });
    const post = await fleet.person.say('@athena before you go');
    await fleet.person.untilReaction(post.id, 'hammer_and_wrench');
    const { daemon } = fleet.agent('athena');
    const before = daemon.pid;
    daemon.kill('SIGTERM');

    await answeredOnce(fleet, post.id);
    await waitFor('the daemon to be started anew', () => daemon.running && daemon.pid !== before, {
      timeoutMs: 30_000,
    });
    await daemon.untilReady(AbortSignal.timeout(30_000));
  });

  for (const [name, behaviour, sentence] of [
    ['answers 429', { kind: 'error', status: 429, retryAfterSeconds: 1 }, /limiting requests \(429\)/],
    ['answers 500', { kind: 'error', status: 500 }, /model provider is failing \(5xx\)/],
    ['hangs', { kind: 'hang' }, /I ran out of time/],
    ['refuses the key', { kind: 'error', status: 401 }, /refuses my key \(401\)/],
  ] as const) {
    it(`the model ${name}: ends in finite time with a sentence`, async function () {
      this.timeout(90_000);
      const marker = randomUUID();
      await script(fleet.modelScript, { match: marker, matchIn: 'any', times: 500, behaviour });
      const post = await fleet.person.say(`@athena the model ${name} ${marker}`);

      await fleet.person.untilReply(post.id, sentence, 80_000);
      await fleet.person.untilReaction(post.id, 'x');
      assert.equal((await fleet.person.replies(post.id)).length, 1);
    });
  }
});

async function isCompleted(fleet: TestFleet, text: string): Promise<boolean> {
  const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks?limit=5');
  return tasks.some((task) => task.text.includes(text) && task.state === 'completed');
}

/** The asking post ends with ✅ and exactly one answer stands in its thread. */
async function answeredOnce(fleet: TestFleet, postId: string): Promise<void> {
  await fleet.person.untilReply(postId, DIGEST, 60_000);
  await fleet.person.untilReaction(postId, 'white_check_mark');
  const answers = (await fleet.person.replies(postId)).filter((post) => DIGEST.test(post.message));
  assert.equal(answers.length, 1);
}
