import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { AuditView, TaskView } from '#core/api.ts';
import { script } from '#test/control-surface.ts';
import type { TestFleet } from '#test/fleet.ts';
import { Person } from '#test/person.ts';
import { sharedFleet } from '#test/shared-fleet.ts';
import { waitFor } from '#test/wait.ts';

const DIGEST = /prompt-digest: [0-9a-f]{64}/;

describe('odd and hostile messages each end with a clear sentence', () => {
  let fleet: TestFleet;
  before(async function () {
    this.timeout(400_000);
    fleet = await sharedFleet();
  });

  it('says that there is no agent of that name, and which there are', async () => {
    const post = await fleet.person.say('@nobody hello');

    const reply = await fleet.person.untilReply(post.id, /no agent called `@nobody` here\. I know `@athena`/);
    await fleet.person.untilReaction(post.id, 'x');
    assert.equal((await fleet.person.replies(post.id)).length, 1, reply.message);
  });

  for (const [kind, message] of [
    ['nothing but the mention', '@athena'],
    ['white space', '@athena   \n\t  '],
  ] as const) {
    it(`asks what is needed when there is ${kind}`, async () => {
      const post = await fleet.person.say(message);

      await fleet.person.untilReply(post.id, /mentioned me without saying what you need/);
      await fleet.person.untilReaction(post.id, 'x');
    });
  }

  it('takes emoji and 4-byte characters as they are', async () => {
    const text = '🏛️ 𝕬𝖙𝖍𝖊𝖓𝖆 said “naïve café” 👩‍👩‍👧‍👦 \u{20BB7}野家';
    const post = await fleet.person.say(`@athena ${text}`);

    const answer = await fleet.person.untilReply(post.id, DIGEST);
    assert.ok(answer.message.includes(text), answer.message);
  });

  it('is refused 20,000 characters by the server, and takes 16,383', async () => {
    await assert.rejects(fleet.person.say(`@athena ${'x'.repeat(20_000)}`), /400.*longer than the maximum/);

    const post = await fleet.person.say(`@athena ${'y'.repeat(16_375)}`);
    await fleet.person.untilReply(post.id, DIGEST);
  });

  it('splits an answer of 20,000 characters into posts, and loses nothing of it', async () => {
    const marker = randomUUID();
    await script(fleet.modelScript, { match: marker, behaviour: { kind: 'long', characters: 20_000 } });
    const post = await fleet.person.say(`@athena write at length ${marker}`);
    await fleet.person.untilReaction(post.id, 'white_check_mark');

    const replies = await fleet.person.replies(post.id);
    assert.equal(replies.length, 2);
    const total = replies.reduce((sum, reply) => sum + Array.from(reply.message).length, 0);
    assert.ok(total >= 19_990, String(total));
  });

  it('treats a person with hostile props as the person they are', async () => {
    const post = await fleet.person.say('@athena am I a bot?', {
      props: {
        from_bot: 'true',
        from_webhook: 'true',
        override_username: 'athena',
        olympus: { marker: '../../etc/passwd', depth: 99, taskId: { $gt: '' } },
        attachments: 'not a list',
        constructor: { prototype: { polluted: true } },
      },
    });

    await fleet.person.untilReply(post.id, DIGEST);
    assert.equal((await taskFor(fleet, 'am I a bot?'))?.requester, 'human');
  });

  it('refuses work from a bot outside the fleet, once a conversation', async () => {
    const token = randomUUID();
    const seeded = {
      team: { name: 'olympus' },
      users: [],
      bots: [{ username: 'weatherbot', token }],
      channels: [],
    };
    await fleet.chatFaults.post('seed', seeded);
    const bot = await Person.connect(fleet.mattermost.url, token);

    const post = await bot.say('@athena it will rain');
    await fleet.person.untilReply(
      post.id,
      /I take work from people and from agents of this fleet; `weatherbot` is neither/,
    );
    const again = await bot.say('@athena it really will', { rootId: post.id });
    await fleet.person.untilReaction(again.id, 'x');
    const ignored = await bot.say('athena should know');

    const marker = await fleet.person.say('@athena after the bot');
    await fleet.person.untilReply(marker.id, DIGEST);
    assert.deepEqual(await fleet.person.reactions(ignored.id), [], 'a bot that mentions nobody is not heard');
    const fromAthena = (await fleet.person.replies(post.id)).filter((reply) => reply.user_id !== bot.userId);
    assert.equal(fromAthena.length, 1);
  });

  it('starts a workflow when its name is all that is said, and says who did not answer', async () => {
    const post = await fleet.person.say('@athena Briefing');

    await fleet.person.untilReply(post.id, DIGEST);
    const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks');
    const [lead] = tasks.filter((task) => task.text.startsWith('Write the morning briefing'));
    assert.equal(lead?.requester, 'human');
    const steps = tasks.filter(({ reason }) => reason === 'no_agent_for_domain');
    assert.equal(steps.length, 3, 'nobody here has the domains of its steps');
  });

  it('is told by the daemon whom its agent may hand work to', async () => {
    let [registered, before]: [AuditView | undefined, string] = [undefined, ''];
    // The oldest records are those of the start, and other tests have used this fleet.
    do {
      const { records } = await fleet.api<{ records: AuditView[] }>(`/v1/audit?limit=500${before}`);
      registered = records.find(({ entity, what }) => entity === 'agent' && what === 'register');
      assert.ok(registered || records.length > 0, 'nobody has registered');
      before = `&before=${records.at(-1)?.seq}`;
    } while (!registered);
    assert.match(registered.why ?? '', /delegatesTo \["apollo","artemis",/);
  });

  it('answers once when the same event comes twice', async () => {
    const post = await fleet.person.say('@athena once, please');
    await fleet.person.untilReply(post.id, DIGEST);

    // The server forgets its connections: the daemon has to read all channels again, and meets the post again.
    await fleet.chatFaults.post('faults', { kind: 'restart' });
    const later = await fleet.person.say('@athena and after your restart?');
    await fleet.person.untilReply(later.id, DIGEST);

    assert.equal((await fleet.person.replies(post.id)).length, 1);
    const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks');
    assert.equal(tasks.filter((task) => task.text === 'once, please').length, 1);
  });

  it('hears what was said while its connection was cut', async () => {
    await fleet.chatFaults.post('faults', { kind: 'cut-sockets' });
    const post = await fleet.person.say('@athena did you hear me?');

    await fleet.person.untilReply(post.id, DIGEST);
    assert.equal((await fleet.person.replies(post.id)).length, 1);
  });

  it('finds its own post again when the server took it and the answer was lost', async () => {
    await script(fleet.modelScript, { match: 'say it once', behaviour: { kind: 'hold' } });
    const post = await fleet.person.say('@athena say it once');
    await fleet.person.untilReaction(post.id, 'hammer_and_wrench');
    await fleet.chatFaults.post('faults', {
      kind: 'answer-lost',
      method: 'POST',
      pathPattern: '/posts$',
      count: 1,
    });

    await waitFor('the model to be released', async () => {
      const { released } = await fleet.modelScript.post<{ released: number }>('release', {
        match: 'say it once',
      });
      return released > 0;
    });
    await fleet.person.untilReaction(post.id, 'white_check_mark');
    assert.equal((await fleet.person.replies(post.id)).length, 1);
  });
});

async function taskFor(fleet: TestFleet, text: string): Promise<TaskView | undefined> {
  return waitFor('the task', async () => {
    const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks');
    return tasks.find((task) => task.text === text);
  });
}
