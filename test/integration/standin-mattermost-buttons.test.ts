import assert from 'node:assert/strict';
import { Integration } from '#test/mattermost/integration.ts';
import { type Listener, MattermostScene, muteClient } from '#test/mattermost/scene.ts';
import { waitFor } from '#test/wait.ts';
import type { StandinOptions } from '../../src/standins/mattermost/server.ts';

describe('Mattermost stand-in buttons', () => {
  let scene: MattermostScene;
  let integration: Integration;
  let unmute: () => void;

  before(() => {
    unmute = muteClient();
  });

  after(() => unmute());

  beforeEach(async () => {
    integration = new Integration();
    await integration.start();
  });

  afterEach(async () => {
    await scene.close();
    await integration.stop();
  });

  it('change the post, tell the clicker alone, and are gone after an update without them', async () => {
    const { bot, postId } = await showButton();
    integration.answer = {
      status: 200,
      text: '{"update":{"message":"approved","props":{}},"ephemeral_text":"thank you"}',
    };

    await scene.rest('human').doPostAction(postId, 'approve');

    assert.equal((await scene.rest('zeus').getPost(postId)).message, 'approved');
    await waitFor('the edit', () => bot.heard('post_edited').length === 1);
    assert.deepEqual(bot.heard('ephemeral_message'), []);
    await assert.rejects(scene.rest('human').doPostAction(postId, 'approve'), { status_code: 404 });
  });

  it('show their text to the one who clicked', async () => {
    const { bot, postId } = await showButton();
    integration.answer = { status: 200, text: '{"ephemeral_text":"thank you"}' };

    await scene.rest('zeus').doPostAction(postId, 'approve');

    await waitFor('the text', () => bot.heard('ephemeral_message').length === 1);
  });

  it('never show where they lead, not even to their author', async () => {
    const { postId } = await showButton();

    const shown = JSON.stringify(await scene.rest('zeus').getPost(postId));

    assert.match(shown, /"id":"approve"/);
    assert.doesNotMatch(shown, /integration|127\.0\.0\.1/);
  });

  for (const allowedInternal of [[], ['10.0.0.0/8', 'agents.example']]) {
    it(`reach nothing private when only ${JSON.stringify(allowedInternal)} is allowed`, async () => {
      const { postId } = await showButton({ allowedInternal });

      await assert.rejects(scene.rest('human').doPostAction(postId, 'approve'), { status_code: 400 });

      assert.deepEqual(integration.calls, []);
    });
  }

  async function showButton(options: StandinOptions = {}): Promise<{ bot: Listener; postId: string }> {
    scene = await MattermostScene.open(options);
    const bot = scene.listen();
    await waitFor('the hello', () => bot.heard('hello').length === 1);
    const url = `http://${integration.host}/act`;
    const actions = [{ id: 'approve', type: 'button', name: 'Approve', integration: { url, context: {} } }];
    const props = { attachments: [{ text: 'Deploy?', actions }] };
    const { id } = await scene.rest('zeus').createPost(scene.draft('approve?', { props }));
    return { bot, postId: id };
  }
});
