import { marksOf, type Post } from '#integrations/mattermost/posts.ts';
import type { MattermostRest } from '#integrations/mattermost/rest.ts';
import type { PostEffect } from '../journal/outbox-store.ts';

const FLAT_LOOK_BACK = 60;

/** The post of ours that carries the marker, if there is one. A person's post may claim it; only ours counts. */
export async function ownPost(
  rest: MattermostRest,
  myId: string,
  { channelId, rootId, marker }: Pick<PostEffect, 'channelId' | 'rootId' | 'marker'>,
  signal: AbortSignal,
): Promise<Post | undefined> {
  const posts: Post[] = rootId
    ? await rest.thread(rootId, signal)
    : await rest.newestPosts(channelId, FLAT_LOOK_BACK, signal);
  return posts.find((post) => post.user_id === myId && marksOf(post)?.marker === marker);
}
