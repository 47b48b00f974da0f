import mm from '@mattermost/client';
import { z } from 'zod';
import type { Card } from '#core/card.ts';
import { messageOf, OlympusError } from '#core/errors.ts';
import { withDeadline } from '#lib/deadline.ts';
import { attachmentOf } from './attachment.ts';
import { download } from './download.ts';
import { Channel, FileInfo, type Marks, Post, PostList, Reaction, User } from './posts.ts';
import { asJson, fileRefusal, refusal } from './refusal.ts';

const TIMEOUT_MS = 10_000;
/** What the server gives at most of what was changed: any of it, not the oldest or the newest. */
const CHANGED_LIMIT = 1000;
/** And of posts, by page. */
const PAGE_LIMIT = 200;

/** Longest message of a post, in characters (Unicode code points), as the server counts them. */
export const POST_LIMIT = 16_383;

export interface NewPost {
  readonly channelId: string;
  readonly rootId: string;
  readonly message: string;
  /** Idempotency key: the server returns the first post for 30 s, afterwards it is looked for in the thread. */
  readonly marks: Marks;
  readonly card?: Card | undefined;
  /** Files that were brought to the channel before. */
  readonly fileIds?: readonly string[];
}

/**
 * What people and bots did in a channel; what was written is given oldest first, without posts of the system, and is all
 * of it. After more than a thousand changes some edits of older posts, and some deletions, may be missing.
 */
export interface Happened {
  readonly written: readonly Post[];
  /** Texts that are another now than they once were, also among what was written. */
  readonly edited: readonly Post[];
  readonly deleted: readonly Post[];
}

/**
 * The calls we make of Mattermost's REST API (v4), each with a deadline.
 * They throw `chat_unauthorized` (401), `chat_unavailable` (try again) or `chat_refused` (do not).
 */
export class MattermostRest {
  readonly #client: InstanceType<typeof mm.Client4>;
  readonly #authorization: string;

  constructor(url: string, token: string) {
    this.#authorization = `Bearer ${token}`;
    this.#client = new mm.Client4();
    this.#client.setUrl(url);
    this.#client.setToken(token);
    this.#client.setIncludeCookies(false);
  }

  me(signal: AbortSignal): Promise<User> {
    return this.#call('GET', '/users/me', User, signal);
  }

  user(userId: string, signal: AbortSignal): Promise<User> {
    return this.#call('GET', `/users/${encodeURIComponent(userId)}`, User, signal);
  }

  /** Undefined when nobody has this name. */
  async userNamed(username: string, signal: AbortSignal): Promise<User | undefined> {
    const found = await this.#call('POST', '/users/usernames', z.array(User), signal, [username]);
    return found[0];
  }

  /** All channels of the account, direct messages included. */
  channels(signal: AbortSignal): Promise<Channel[]> {
    return this.#call('GET', '/users/me/channels', z.array(Channel), signal);
  }

  /** Undefined when the team has no channel of this name, or none that the account may see. */
  async channelNamed(team: string, name: string, signal: AbortSignal): Promise<Channel | undefined> {
    const path = `/teams/name/${encodeURIComponent(team)}/channels/name/${encodeURIComponent(name)}`;
    const answer = await this.#ask('GET', path, signal);
    return answer.status === 404 ? undefined : understood(answer, Channel);
  }

  /** What happened in a channel from `sinceMs` (server time) on. */
  async since(channelId: string, sinceMs: number, signal: AbortSignal): Promise<Happened> {
    // The server gives what was changed after a time, and several posts may be of one millisecond.
    const path = `/channels/${channelId}/posts?since=${sinceMs - 1}`;
    const changed = await this.#call('GET', path, PostList, signal);
    const isCut = Object.keys(changed.posts).length >= CHANGED_LIMIT;
    const more = isCut ? await this.#pages(channelId, sinceMs, signal) : {};
    const list = { order: [], posts: { ...changed.posts, ...more } };
    const there = written(list);
    return {
      written: there.filter((post) => post.create_at >= sinceMs),
      edited: there.filter((post) => post.edit_at > 0),
      deleted: Object.values(list.posts).filter((post) => post.delete_at > 0 && post.original_id === ''),
    };
  }

  /** All posts of a channel that are still there, from the newest back to `sinceMs`. */
  async #pages(channelId: string, sinceMs: number, signal: AbortSignal): Promise<Record<string, Post>> {
    const posts: Record<string, Post> = {};
    let before = '';
    while (true) {
      const path = `/channels/${channelId}/posts?per_page=${PAGE_LIMIT}${before}`;
      const page = await this.#call('GET', path, PostList, signal);
      Object.assign(posts, page.posts);
      const oldest = page.order.at(-1);
      if (!oldest || (page.posts[oldest]?.create_at ?? 0) < sinceMs) return posts;
      before = `&before=${oldest}`;
    }
  }

  /** One post, also when it was edited since. */
  onePost(postId: string, signal: AbortSignal): Promise<Post> {
    return this.#call('GET', `/posts/${encodeURIComponent(postId)}`, Post, signal);
  }

  /** The newest posts of a channel, at most `count`, oldest first. */
  async newestPosts(channelId: string, count: number, signal: AbortSignal): Promise<Post[]> {
    const list = await this.#call('GET', `/channels/${channelId}/posts?per_page=${count}`, PostList, signal);
    return written(list);
  }

  /** The posts of a thread, oldest first. */
  async thread(rootId: string, signal: AbortSignal): Promise<Post[]> {
    const posts: Record<string, Post> = {};
    let from = '';
    while (true) {
      const route = `/posts/${rootId}/thread?perPage=${PAGE_LIMIT}&direction=down${from}`;
      const page = await this.#call('GET', route, PostList, signal);
      // The root is on every page; the others come oldest first.
      const fresh = byTime(Object.values(page.posts)).filter((post) => !(post.id in posts));
      for (const post of fresh) posts[post.id] = post;
      const last = fresh.at(-1);
      if (!page.has_next || !last) return written({ order: [], posts });
      from = `&fromCreateAt=${last.create_at}&fromPost=${last.id}`;
    }
  }

  async post(post: NewPost, signal: AbortSignal): Promise<Post> {
    return this.#call('POST', '/posts', Post, signal, {
      channel_id: post.channelId,
      root_id: post.rootId,
      message: post.message,
      pending_post_id: post.marks.marker,
      ...(post.fileIds ? { file_ids: post.fileIds } : {}),
      props: { olympus: post.marks, ...(post.card ? { attachments: [attachmentOf(post.card)] } : {}) },
    });
  }

  /** Brings a text to a channel as a file, and answers its id, which is good for one post. */
  async upload(
    channelId: string,
    file: { readonly name: string; readonly text: string },
    signal: AbortSignal,
  ): Promise<string> {
    const form = new FormData();
    form.set('channel_id', channelId);
    form.set('files', new Blob([file.text]), file.name);
    const answer = await this.#ask('POST', '/files', signal, form);
    if (answer.status >= 400) throw fileRefusal(answer.what, answer.status, answer.data);
    return understood(answer, Uploaded).file_infos[0].id;
  }

  fileInfo(fileId: string, signal: AbortSignal): Promise<FileInfo> {
    return this.#call('GET', `/files/${encodeURIComponent(fileId)}/info`, FileInfo, signal);
  }

  /** The bytes of a file; undefined for one of more than `limit`, of which no more than that is read. */
  download(fileId: string, limit: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const url = `${this.#client.getBaseRoute()}/files/${encodeURIComponent(fileId)}`;
    return download(url, this.#authorization, limit, signal);
  }

  /** Gives a post of ours another text, and these marks alone: what else it had, buttons too, is gone. */
  async edit(postId: string, to: Pick<NewPost, 'message' | 'marks'>, signal: AbortSignal): Promise<void> {
    const body = { message: to.message, props: { olympus: to.marks } };
    await this.#call('PUT', `/posts/${postId}/patch`, Post, signal, body);
  }

  async react(userId: string, postId: string, emoji: string, signal: AbortSignal): Promise<void> {
    const body = { user_id: userId, post_id: postId, emoji_name: emoji };
    await this.#call('POST', '/reactions', z.unknown(), signal, body);
  }

  async reactions(postId: string, signal: AbortSignal): Promise<Reaction[]> {
    // A post without any is answered with null.
    return (
      (await this.#call('GET', `/posts/${postId}/reactions`, z.array(Reaction).nullable(), signal)) ?? []
    );
  }

  async unreact(postId: string, emoji: string, signal: AbortSignal): Promise<void> {
    await this.#call('DELETE', `/users/me/posts/${postId}/reactions/${emoji}`, z.unknown(), signal);
  }

  async typing(channelId: string, parentId: string, signal: AbortSignal): Promise<void> {
    const body = { channel_id: channelId, parent_id: parentId };
    await this.#call('POST', '/users/me/typing', z.unknown(), signal, body);
  }

  /** Resolves when the server is up; asks for no token. */
  async ping(signal: AbortSignal): Promise<void> {
    await this.#call('GET', '/system/ping', z.object({ status: z.literal('OK') }), signal);
  }

  #raw(): RawFetch {
    return this.#client['doFetchWithResponse'] as unknown as RawFetch;
  }

  async #call<T extends z.ZodType>(
    method: string,
    path: string,
    schema: T,
    signal: AbortSignal,
    body?: unknown,
  ): Promise<z.output<T>> {
    return understood(await this.#ask(method, path, signal, body), schema);
  }

  async #ask(method: string, path: string, signal: AbortSignal, body?: unknown): Promise<Answer> {
    const what = `${method} ${path.split('?')[0]}`;
    const answer = await withDeadline(what, TIMEOUT_MS, signal, (both) =>
      this.#raw()(`${this.#client.getBaseRoute()}${path}`, {
        method,
        ignoreStatus: true,
        signal: both,
        ...(body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) }),
      }),
    ).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new OlympusError('chat_unavailable', `${what}: Mattermost did not answer: ${messageOf(error)}`, {
        cause: error,
      });
    });
    return { what, status: answer.response.status, data: asJson(answer.data) };
  }
}

interface Answer {
  /** The call, for the operator. */
  readonly what: string;
  readonly status: number;
  readonly data: unknown;
}

function understood<T extends z.ZodType>({ what, status, data }: Answer, schema: T): z.output<T> {
  if (status >= 400) throw refusal(what, status, data);
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new OlympusError('chat_unavailable', `${what}: unexpected answer: ${z.prettifyError(parsed.error)}`);
}

/** The one call of the library that shows status and headers and takes a signal; its types leave it out. */
type RawFetch = (
  url: string,
  options: { method: string; ignoreStatus: true; signal: AbortSignal; body?: string | FormData },
) => Promise<{ response: Response; data: unknown }>;

const Uploaded = z.object({ file_infos: z.tuple([z.object({ id: z.string() })]) });

function written(list: z.output<typeof PostList>): Post[] {
  return byTime(Object.values(list.posts)).filter(
    (post) => post.delete_at === 0 && post.original_id === '' && post.type === '',
  );
}

function byTime(posts: readonly Post[]): Post[] {
  return posts.toSorted((a, b) => a.create_at - b.create_at || a.id.localeCompare(b.id));
}
