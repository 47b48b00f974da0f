import { click } from '../actions/click.ts';
import { readablePost } from '../actions/permissions.ts';
import { type Route, route } from '../http.ts';
import { asObject, parseJson, textOf } from '../json.ts';
import type { OutgoingRequests } from '../outgoing.ts';
import type { World } from '../world.ts';

/** Clicks on buttons and choices from menus, by anybody who can see them; ids have no `_` nor `-` (facts §3.7). */
export function clickRoutes(world: World, outgoing: OutgoingRequests): Route[] {
  return [
    route('POST', '/posts/:post_id(^[A-Za-z0-9]+$)/actions/:action_id(^[A-Za-z0-9]+$)', async (call) => {
      const body = asObject(parseJson(call.body.toString('utf8'))) ?? {};
      const triggerId = await click(world, outgoing, {
        post: readablePost(world.store, call.user, call.params['post_id'] ?? ''),
        actionId: call.params['action_id'] ?? '',
        user: call.user,
        selectedOption: textOf(body, 'selected_option'),
      });
      return { body: { status: 'OK', trigger_id: triggerId } };
    }),
  ];
}
