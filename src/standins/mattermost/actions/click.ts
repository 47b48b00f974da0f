import { ApiError } from '../errors.ts';
import { newMattermostId } from '../ids.ts';
import { asObject, type JsonObject, objectsOf, parseJson, textOf } from '../json.ts';
import type { Post, User } from '../model.ts';
import type { OutgoingRequests } from '../outgoing.ts';
import type { World } from '../world.ts';
import { editPost } from './edit-post.ts';
import { postEphemeral } from './ephemeral.ts';

export interface Click {
  readonly post: Post;
  readonly actionId: string;
  readonly user: User;
  readonly selectedOption: string;
}

/** Passes a click on to its integration and does what that answers; 404 without such a button, 400 when it fails. */
export async function click(world: World, outgoing: OutgoingRequests, given: Click): Promise<string> {
  const { post, user } = given;
  const action = objectsOf(post.props['attachments'])
    .flatMap((attachment) => objectsOf(attachment['actions']))
    .find((each) => each['id'] === given.actionId);
  const integration = action && asObject(action['integration']);
  if (!action || !integration) throw noSuchAction();
  const triggerId = newMattermostId();
  const answer = await outgoing.post(
    textOf(integration, 'url'),
    callbackBody(world, given, action, integration, triggerId),
  );
  if (answer?.status !== 200) throw integrationError();
  if (answer.text === '') return triggerId;
  const response = asObject(parseJson(answer.text));
  if (!response) throw integrationError();
  applyAnswer(world, post, user, response);
  return triggerId;
}

/** What the integration is sent: no signature and no token (recorded: callbacks). */
function callbackBody(
  world: World,
  { post, user, selectedOption }: Click,
  action: JsonObject,
  integration: JsonObject,
  triggerId: string,
): JsonObject {
  const channel = world.store.channels.get(post.channel_id);
  const team = world.store.channels.team(channel?.team_id ?? '');
  const trigger = `${triggerId}:${user.id}:${world.clock.now()}:stand-in`;
  const selected = selectedOption === '' ? {} : { selected_option: selectedOption };
  return {
    user_id: user.id,
    user_name: user.username,
    channel_id: post.channel_id,
    channel_name: channel?.name ?? '',
    team_id: channel?.team_id ?? '',
    team_domain: team?.name ?? '',
    post_id: post.id,
    trigger_id: Buffer.from(trigger).toString('base64'),
    type: textOf(action, 'type', 'button'),
    data_source: textOf(action, 'data_source'),
    context: { ...asObject(integration['context']), ...selected },
  };
}

/** `update` replaces text and props, and empty props take the buttons away; `error` is ignored (facts §3.7). */
function applyAnswer(world: World, post: Post, user: User, response: JsonObject): void {
  const update = asObject(response['update']);
  if (update) {
    const props = asObject(update['props']);
    editPost(world, post, { message: textOf(update, 'message'), ...(props ? { props } : {}) });
  }
  const text = textOf(response, 'ephemeral_text');
  if (text === '') return;
  postEphemeral(world, user, {
    receiverId: user.id,
    channelId: post.channel_id,
    message: text,
    rootId: post.root_id || post.id,
  });
}

function noSuchAction(): ApiError {
  return new ApiError(404, 'api.post.do_action.action_id.app_error', 'Invalid action id.');
}

function integrationError(): ApiError {
  return new ApiError(400, 'api.post.do_action.action_integration.app_error', 'Action integration error.');
}
