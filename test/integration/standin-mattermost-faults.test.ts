import assert from 'node:assert/strict';
import { ManualClock } from '#test/manual-clock.ts';
import { MattermostScene } from '#test/mattermost/scene.ts';
import { waitFor } from '#test/wait.ts';

describe('Mattermost stand-in with faults', () => {
  let scene: MattermostScene;

  afterEach(() => scene.close());

  describe('a post that is sent twice', () => {
    const twice = async (between: () => Promise<unknown>): Promise<boolean> => {
      const send = () =>
        scene.rest('zeus').createPost(scene.draft('once', { pending_post_id: 'task-1-step-2' }));
      const first = await send();
      await between();
      return (await send()).id === first.id;
    };

    it('is made once within 30 s, as its pending_post_id is remembered', async () => {
      const clock = new ManualClock();
      scene = await MattermostScene.open({ clock });

      assert.equal(await twice(() => clock.advance(29_000)), true);
    });

    it('is made twice after 30 s', async () => {
      const clock = new ManualClock();
      scene = await MattermostScene.open({ clock });

      assert.equal(await twice(() => clock.advance(30_000)), false);
    });

    it('is made twice after a restart', async () => {
      scene = await MattermostScene.open();

      assert.equal(await twice(() => scene.fault({ kind: 'restart' })), false);
    });

    it('is the same post when the first answer was lost', async () => {
      scene = await MattermostScene.open();
      await scene.fault({ kind: 'answer-lost', count: 1, pathPattern: '/posts$' });
      const send = () =>
        scene.rest('zeus').createPost(scene.draft('once', { pending_post_id: 'task-1-step-3' }));

      await assert.rejects(send());
      const again = await send();

      const list = await scene.rest('zeus').getPosts(scene.agents);
      assert.deepEqual(list.order, [again.id]);
    });
  });

  describe('a request', () => {
    it('is refused over 16383 runes, an emoji counting as one', async () => {
      scene = await MattermostScene.open();

      await scene.rest('zeus').createPost(scene.draft('😀'.repeat(16_383)));
      await assert.rejects(scene.rest('zeus').createPost(scene.draft('😀'.repeat(16_384))), {
        status_code: 400,
      });
    });

    it('leaves the client without a status when it meets the rate limit, but with a Retry-After', async () => {
      scene = await MattermostScene.open();
      await scene.fault({ kind: 'fail-next', status: 429, count: 2 });

      await assert.rejects(scene.rest('zeus').getMe(), { status_code: undefined, message: '' });
      const response = await fetch(`${scene.standin.url}/api/v4/users/me`);
      assert.equal(response.status, 429);
      assert.equal(response.headers.get('retry-after'), '1');
      assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
      assert.equal(await response.text(), 'limit exceeded\n');

      assert.equal((await scene.rest('zeus').getMe()).username, 'zeus');
    });

    it('fails only where a fault says so', async () => {
      scene = await MattermostScene.open();
      await scene.fault({ kind: 'fail-next', status: 502, count: 1, method: 'POST', pathPattern: '/posts$' });

      await scene.rest('zeus').getMe();
      await assert.rejects(scene.rest('zeus').createPost(scene.draft('x')), { status_code: undefined });
      await scene.rest('zeus').createPost(scene.draft('x'));
    });

    it('has taken effect while its answer is held', async () => {
      scene = await MattermostScene.open();
      await scene.fault({ kind: 'hold', when: 'after', method: 'POST', pathPattern: '/posts$' });
      let isAnswered = false;
      const answer = scene
        .rest('zeus')
        .createPost(scene.draft('held'))
        .finally(() => {
          isAnswered = true;
        });

      await waitFor(
        'the post',
        async () => (await scene.rest('human').getPosts(scene.agents)).order.length === 1,
      );
      assert.equal(isAnswered, false);
      await scene.admin('POST', '/standin/release', {});

      assert.equal((await answer).message, 'held');
    });

    it('gives at most 200 posts a page', async () => {
      scene = await MattermostScene.open();
      await scene.writeMany(205);

      const { order, prev_post_id: previous } = await scene.rest('zeus').getPosts(scene.agents, 0, 500);
      const { order: older } = await scene
        .rest('zeus')
        .getPostsBefore(scene.agents, order.at(-1) ?? '', 0, 60);

      assert.equal(order.length, 200);
      assert.equal(older.length, 5);
      assert.equal(older[0], previous);
    });

    it('is in the log of requests with its user and status', async () => {
      scene = await MattermostScene.open();

      await scene.rest('zeus').getMe();

      const { last, requests } = await scene.admin('GET', '/standin/requests');
      const seen = requests as Record<string, unknown>[];
      assert.equal(last, 1);
      assert.partialDeepStrictEqual(seen, [
        { number: 1, method: 'GET', path: '/api/v4/users/me', user: 'zeus', status: 200 },
      ]);
      const later = await scene.admin('GET', '/standin/requests?since=1');
      assert.deepEqual(later['requests'], []);
    });
  });
});
