import assert from 'node:assert/strict';
import { ManualClock } from '#test/manual-clock.ts';
import { MattermostScene, muteClient, type RestClient } from '#test/mattermost/scene.ts';
import { waitFor } from '#test/wait.ts';

describe('Mattermost stand-in under the real client', () => {
  let scene: MattermostScene;
  let unmute: () => void;

  before(() => {
    unmute = muteClient();
  });

  after(() => unmute());

  afterEach(() => scene.close());

  describe('after the connection was cut', () => {
    it('gets 200 posts in order and without a gap when the upgrade was authenticated', async () => {
      scene = await MattermostScene.open();
      const bot = scene.listen();
      await waitFor('the hello', () => bot.heard('hello').length === 1);
      await scene.fault({ kind: 'cut-sockets', refuse: true });
      await waitFor('the cut to be noticed', () => bot.closed > 0);

      const sent = await scene.writeMany(200);
      await scene.clearFaults();

      await waitFor('200 posts', () => bot.heard('posted').length === 200, { timeoutMs: 30_000 });
      assert.deepEqual(bot.texts, sent);
      assert.equal(bot.missed, 0);
      assert.equal(bot.heard('hello').length, 1);
      const numbers = bot.all.map((message) => message.seq);
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => index),
      );
    });

    it('is told that posts are missing when it used the token challenge', async () => {
      scene = await MattermostScene.open();
      const bot = scene.listen({ challenge: true });
      await waitFor('the hello', () => bot.heard('hello').length === 1);
      await scene.fault({ kind: 'cut-sockets', refuse: true });
      await scene.writeMany(3);
      await scene.clearFaults();

      await waitFor('the missed listener', () => bot.missed === 1);

      await scene.write('after');
      await waitFor('the next post', () => bot.texts.includes('after'));
      assert.deepEqual(bot.texts, ['after']);
    });

    it('is told that posts are missing when more than 256 events waited', async () => {
      scene = await MattermostScene.open();
      const bot = scene.listen();
      await waitFor('the hello', () => bot.heard('hello').length === 1);
      await scene.fault({ kind: 'cut-sockets', refuse: true });
      await scene.writeMany(260);
      await scene.clearFaults();

      await waitFor('the missed listener', () => bot.missed === 1);
    });

    it('is told that posts are missing when it was away for more than five minutes', async () => {
      const clock = new ManualClock();
      scene = await MattermostScene.open({ clock });
      const bot = scene.listen();
      await waitFor('the hello', () => bot.heard('hello').length === 1);
      await scene.fault({ kind: 'cut-sockets', refuse: true });
      await waitFor('the cut to be noticed', () => bot.closed > 0);
      await clock.advance(301_000);
      await scene.clearFaults();

      await waitFor('the missed listener', () => bot.missed === 1);
    });

    it('finds what a restart lost by asking for changes since then', async () => {
      scene = await MattermostScene.open();
      const bot = scene.listen();
      await waitFor('the hello', () => bot.heard('hello').length === 1);
      const since = Date.now() - 1;
      await scene.fault({ kind: 'cut-sockets', refuse: true });
      await scene.write('while away');
      await scene.fault({ kind: 'restart' });
      await scene.clearFaults();

      await waitFor('the missed listener', () => bot.missed === 1);

      const changes = await scene.rest('zeus').getPostsSince(scene.agents, since);
      const texts = changes.order.map((id) => changes.posts[id]?.message);
      assert.deepEqual(texts, ['while away']);
      assert.deepEqual(
        bot.heard('hello').map((hello) => hello.seq),
        [0, 0],
      );
    });

    it('asks again for an event that was lost on the way', async () => {
      scene = await MattermostScene.open();
      const bot = scene.listen();
      await waitFor('the hello', () => bot.heard('hello').length === 1);
      await waitFor('the first events', async () => (await nextSeq()) === 2);
      await scene.fault({ kind: 'drop-events', count: 1 });
      await scene.write('one');
      await scene.write('two');

      await waitFor('both posts', () => bot.texts.length === 2);

      assert.deepEqual(bot.texts, ['one', 'two']);
      assert.equal(bot.missed, 0);
    });
  });

  describe('a socket that lost its right to hear', () => {
    const losses: [how: string, lose: () => Promise<unknown>, regain: () => Promise<unknown>][] = [
      [
        'its bot was disabled',
        () => scene.rest('admin').disableBot(scene.userId('zeus')),
        () => scene.rest('admin').enableBot(scene.userId('zeus')),
      ],
      ['its token was revoked', () => revokeToken(), () => Promise.resolve()],
    ];
    for (const [how, lose, regain] of losses) {
      it(`stays open, hears nothing and gets FAIL for its pings after ${how}`, async () => {
        scene = await MattermostScene.open();
        const bot = scene.listen();
        await waitFor('the hello', () => bot.heard('hello').length === 1);

        await lose();

        await assert.rejects(scene.rest('zeus').getMe(), { status_code: 401 });
        assert.equal((await bot.ping()).status, 'FAIL');
        await regain();
        await scene.write('anybody there?');
        assert.equal((await bot.ping()).status, 'FAIL');
        assert.deepEqual(bot.texts, []);
        assert.equal(bot.closed, 0);
      });
    }

    it('hears again with a new connection once its bot is enabled', async () => {
      scene = await MattermostScene.open();
      const deaf = scene.listen();
      await waitFor('the hello', () => deaf.heard('hello').length === 1);
      await scene.rest('admin').disableBot(scene.userId('zeus'));
      await scene.rest('admin').enableBot(scene.userId('zeus'));

      const bot = scene.listen();
      await waitFor('the hello', () => bot.heard('hello').length === 1);
      await scene.write('hello again');

      await waitFor('the post', () => bot.texts.includes('hello again'));
      assert.equal((await bot.ping()).status, 'OK');
    });
  });

  it('lets an agent join a channel, be named there, answer in the thread and react', async () => {
    scene = await MattermostScene.open();
    const bot = scene.listen();
    await waitFor('the hello', () => bot.heard('hello').length === 1);
    const me = await scene.rest('zeus').getMe();
    const room = await scene.rest('human').createChannel({
      team_id: scene.team,
      name: 'room',
      display_name: 'Room',
      type: 'O',
    } as Parameters<RestClient['createChannel']>[0]);
    await scene.rest('zeus').addToChannel(me.id, room.id);
    await waitFor('to be in', () => bot.heard('user_added').length === 1);

    const asked = await scene.rest('human').createPost(scene.draft('@zeus hi', { channel_id: room.id }));
    await waitFor('the mention', () => bot.heard('posted').some((each) => each.data['mentions']));
    await scene.rest('zeus').addReaction(me.id, asked.id, 'eyes');
    await scene.rest('zeus').createPost(scene.draft('hi', { channel_id: room.id, root_id: asked.id }));

    const thread = await scene.rest('human').getPostThread(asked.id);
    assert.deepEqual(
      Object.values(thread.posts)
        .map((post) => post.message)
        .sort(),
      ['@zeus hi', 'hi'],
    );
    const reactions = await scene.rest('human').getReactionsForPost(asked.id);
    assert.deepEqual(
      reactions.map((reaction) => reaction.emoji_name),
      ['eyes'],
    );
  });

  async function nextSeq(): Promise<number | undefined> {
    const { connections } = await scene.admin('GET', '/standin/state');
    return (connections as { nextSeq: number }[])[0]?.nextSeq;
  }

  async function revokeToken(): Promise<void> {
    const [token] = await scene.rest('admin').getUserAccessTokensForUser(scene.userId('zeus'));
    await scene.rest('admin').revokeUserAccessToken(token?.id ?? assert.fail('a token'));
  }
});
