import { readableChannel, readablePost } from '../actions/permissions.ts';
import { badBodyParam } from '../errors.ts';
import { type Answer, type Call, numberParam, type Route, route } from '../http.ts';
import { isMattermostId } from '../ids.ts';
import type { Post } from '../model.ts';
import { renderPost } from '../render.ts';
import type { Store } from '../store.ts';
import type { World } from '../world.ts';

/** Lists of posts: a channel by page, around a post or by time of change, and a thread. */
export function timelineRoutes(world: World): Route[] {
  const { store } = world;
  return [
    route('GET', '/channels/:channel_id(^[A-Za-z0-9]+$)/posts', (call) => {
      const channel = readableChannel(store, call.user, call.params['channel_id'] ?? '');
      const since = call.query.get('since');
      if (since !== null && since !== '0') return changes(store, channel.id, since);
      for (const name of ['after', 'before']) {
        const anchor = call.query.get(name);
        if (anchor && !isMattermostId(anchor)) throw badBodyParam(name);
      }
      const anchored = call.query.get('after') || call.query.get('before');
      const list = anchored ? aroundPost(store, channel.id, call) : page(store, channel.id, call);
      return {
        headers: { etag: `11.0.3.${Math.max(channel.last_post_at, store.posts.lastChange(channel.id))}` },
        body: list,
      };
    }),
    route('GET', '/posts/:post_id(^[A-Za-z0-9]+$)/thread', (call) => {
      const post = readablePost(store, call.user, call.params['post_id'] ?? '');
      const root = store.posts.get(post.root_id || post.id) ?? post;
      return {
        headers: { etag: `11.0.3.${root.id}.${root.id}.${root.update_at}` },
        body: thread(store, root, call),
      };
    }),
  ];
}

/** Everything that changed after a time; edits and deletions come back too (recorded: 24). */
function changes(store: Store, channelId: string, since: string): Answer {
  const time = Number(since);
  if (since.trim() === '' || !Number.isInteger(time)) throw badBodyParam('since');
  const posts = store.posts.changedSince(channelId, time);
  return { body: listOf(store, posts, { countReplies: false }) };
}

/** One page of a channel, newest first (recorded: 100). */
function page(store: Store, channelId: string, call: Call): Record<string, unknown> {
  const perPage = numberParam(call, 'per_page', { fallback: 60, max: 200 });
  const start = numberParam(call, 'page', { fallback: 0 }) * perPage;
  const all = store.posts.newestFirst(channelId);
  return slice(store, all, { start, end: start + perPage }, call);
}

/** The posts just before or just after one, newest first. */
function aroundPost(store: Store, channelId: string, call: Call): Record<string, unknown> {
  const perPage = numberParam(call, 'per_page', { fallback: 60, max: 200 });
  const skip = numberParam(call, 'page', { fallback: 0 }) * perPage;
  const after = call.query.get('after');
  const all = store.posts.newestFirst(channelId);
  const at = all.findIndex((post) => post.id === (after || call.query.get('before')));
  if (at < 0) return slice(store, [], { start: 0, end: 0 }, call);
  if (!after) return slice(store, all, { start: at + 1 + skip, end: at + 1 + skip + perPage }, call);
  return slice(store, all, { start: Math.max(0, at - skip - perPage), end: Math.max(0, at - skip) }, call);
}

function slice(
  store: Store,
  newestFirst: readonly Post[],
  range: { start: number; end: number },
  call: Call,
): Record<string, unknown> {
  const posts = newestFirst.slice(range.start, range.end);
  // Replies bring their root along, and its other replies unless told not to; only `order` is the page.
  const withReplies = call.query.get('skipFetchThreads') !== 'true';
  const companions = posts.flatMap((post) => {
    const root = post.root_id === '' ? undefined : store.posts.get(post.root_id);
    return root ? [root, ...(withReplies ? store.posts.replies(root.id) : [])] : [];
  });
  return {
    ...listOf(store, posts, {}, companions),
    next_post_id: newestFirst[range.start - 1]?.id ?? '',
    prev_post_id: posts.length > 0 ? (newestFirst[range.end]?.id ?? '') : '',
  };
}

/** A thread: the root first, then replies; `direction=up` walks from the newest (recorded: 22 and 23). */
function thread(store: Store, root: Post, call: Call): Record<string, unknown> {
  const perPage = numberParam(call, 'perPage', { fallback: 0 });
  // Posts of the same millisecond come by their id, as the server sorts them (post_store.go).
  const replies = store.posts
    .replies(root.id)
    .toSorted((a, b) => a.create_at - b.create_at || a.id.localeCompare(b.id));
  const oldestFirst = [root, ...replies];
  const walk = call.query.get('direction') === 'down' ? oldestFirst : oldestFirst.toReversed();
  const from = call.query.get('fromPost');
  const rest = walk.slice(from ? walk.findIndex((post) => post.id === from) + 1 : 0);
  const shown = perPage === 0 ? rest : rest.slice(0, perPage);
  // The root is always there and first, whether or not the walk came by it (recorded: 23).
  const others = shown.filter((post) => post.id !== root.id);
  return { ...listOf(store, [root, ...others], {}), has_next: rest.length > shown.length };
}

function listOf(
  store: Store,
  posts: readonly Post[],
  view: { countReplies?: boolean },
  companions: readonly Post[] = [],
): Record<string, unknown> {
  return {
    order: posts.map((post) => post.id),
    posts: Object.fromEntries(
      [...posts, ...companions].map((post) => [post.id, renderPost(store, post, view)]),
    ),
    next_post_id: '',
    prev_post_id: '',
    first_inaccessible_post_time: 0,
  };
}
