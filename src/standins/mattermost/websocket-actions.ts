import { publishTyping } from './actions/typing.ts';
import type { EventConnection } from './connection.ts';
import { type JsonObject, textOf } from './json.ts';
import { SERVER_VERSION } from './version.ts';
import type { World } from './world.ts';

/** The answer to a client frame, without the seq_reply that every answer has and the seq that none has. */
export type ActionReply =
  | { readonly status: 'OK'; readonly data?: Readonly<Record<string, unknown>> }
  | { readonly status: 'FAIL'; readonly error: Readonly<Record<string, unknown>> };

export interface ActionFrame {
  readonly action: string;
  readonly seq: number;
  readonly data: JsonObject;
}

/** Answers one frame of an authenticated socket; a deaf one gets FAIL for everything (facts §0.5, websocket_router.go). */
export function answerAction(world: World, connection: EventConnection, frame: ActionFrame): ActionReply {
  if (frame.action === '') return failure('no_action', 'No websocket action.', 400);
  if (frame.seq <= 0) return failure('bad_seq', 'Invalid sequence for WebSocket message.', 400);
  if (connection.isDeaf || (frame.action === 'ping' && world.faults.pings() === 'refused')) {
    return failure(
      'not_authenticated',
      'WebSocket connection is not authenticated. Please log in and try again.',
      401,
    );
  }
  const { userId } = connection.owner;
  switch (frame.action) {
    case 'ping':
      return {
        status: 'OK',
        data: { node_id: '', server_time: world.clock.now(), text: 'pong', version: SERVER_VERSION },
      };
    case 'user_typing':
      if (!world.store.channels.isMember(textOf(frame.data, 'channel_id'), userId))
        return invalidParam('channel_id');
      publishTyping(world, userId, textOf(frame.data, 'channel_id'), textOf(frame.data, 'parent_id'));
      return { status: 'OK' };
    case 'user_update_active_status':
      return { status: 'OK' };
    case 'get_statuses': {
      const known = world.store.statuses.known().filter((status) => status.status !== 'offline');
      return { status: 'OK', data: Object.fromEntries(known.map((each) => [each.user_id, each.status])) };
    }
    default:
      return failure('bad_action', 'Unknown WebSocket action.', 500);
  }
}

function invalidParam(name: string): ActionReply {
  return {
    status: 'FAIL',
    error: {
      id: 'api.websocket_handler.invalid_param.app_error',
      message: `Invalid ${name} parameter.`,
      detailed_error: '',
      status_code: 400,
    },
  };
}

function failure(name: string, message: string, statusCode: number): ActionReply {
  return {
    status: 'FAIL',
    error: {
      id: `api.web_socket_router.${name}.app_error`,
      message,
      detailed_error: '',
      status_code: statusCode,
    },
  };
}
