import assert from 'node:assert/strict';
import { startFleet, type TestFleet } from '#test/fleet.ts';

describe('the path from a mention to its answer', () => {
  let fleet: TestFleet;
  before(async function () {
    this.timeout(180_000);
    fleet = await startFleet();
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
  });

  it('answers a mention in its thread, with 👀 at once and ✅ at the end', async () => {
    const post = await fleet.person.say('@athena hello');

    const answer = await fleet.person.untilReply(post.id, /prompt-digest: [0-9a-f]{64}/);
    await fleet.person.untilReaction(post.id, 'white_check_mark');

    assert.ok((await fleet.person.reactions(post.id)).includes('eyes'));
    assert.equal((await fleet.person.replies(post.id)).length, 1);
    assert.match(answer.message, /hello/);
  });
});
