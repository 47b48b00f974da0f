import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { TaskView } from '#core/api.ts';
import type { TestFleet } from '#test/fleet.ts';
import { Person } from '#test/person.ts';
import { sharedFleet } from '#test/shared-fleet.ts';

const DIGEST = /prompt-digest: [0-9a-f]{64}/;
const NOT_ON_LIST = /^You are not among those who may give me work in this channel\.$/;

describe('who may give an agent work in chat', () => {
  let fleet: TestFleet;
  let gilda: Person;
  let carol: Person;
  before(async function () {
    this.timeout(180_000);
    fleet = await sharedFleet();
    const tokens = { gilda: randomUUID(), carol: randomUUID() };
    await fleet.chatFaults.post('seed', {
      team: { name: 'olympus' },
      users: [
        { username: 'gilda', token: tokens.gilda },
        { username: 'carol', token: tokens.carol, roles: 'system_guest' },
      ],
      bots: [],
      channels: [
        { name: 'town-square', members: ['gilda', 'carol'] },
        { name: 'guild', members: ['athena', 'human', 'gilda'] },
      ],
    });
    gilda = await Person.connect(fleet.mattermost.url, tokens.gilda);
    carol = await Person.connect(fleet.mattermost.url, tokens.carol);
  });

  it('is for who is on the list of its channel, and others are told so once in a thread', async () => {
    const guild = { channel: 'guild' };
    const asked = await gilda.say('@athena for the guild', guild);
    const refused = await fleet.person.say('@athena for me', guild);

    await gilda.untilReply(asked.id, DIGEST);
    await fleet.person.untilReply(refused.id, NOT_ON_LIST);
    await fleet.person.untilReaction(refused.id, 'x');
    const more = await fleet.person.say('@athena but why?', { ...guild, rootId: refused.id });
    await fleet.person.untilReaction(more.id, 'x');
    const again = await fleet.person.say('!olympus retry', { ...guild, rootId: refused.id });
    await fleet.person.untilReply(refused.id, /is not tried again: who asked for it may not do so there/);

    const replies = (await fleet.person.replies(refused.id)).map(({ message }) => message);
    assert.equal(replies.filter((message) => NOT_ON_LIST.test(message)).length, 1, again.id);
    // In her thread he goes on without a mention, which is for the agent of the thread.
    await fleet.person.say('and for me?', { ...guild, rootId: asked.id });
    await fleet.person.untilReply(asked.id, NOT_ON_LIST);
    const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks?limit=500');
    const ran = tasks.filter(({ text, state }) => /for me|but why/.test(text) && state !== 'rejected');
    assert.deepEqual(ran, []);
  });

  it('is for guests nowhere, unless a list lets them', async () => {
    const post = await carol.say('@athena may I?');
    await fleet.person.untilReply(post.id, /^I take no work from a guest account\.$/);
    await fleet.person.untilReaction(post.id, 'x');

    const command = await carol.say('!olympus status');
    await fleet.person.untilReply(command.id, /^I take nothing from a guest account\.$/);
  });
});
