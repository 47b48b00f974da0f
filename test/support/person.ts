import { waitFor } from './wait.ts';

/** A post as the server shows it. */
export interface SeenPost {
  readonly id: string;
  readonly message: string;
  readonly user_id: string;
  readonly root_id: string;
  readonly channel_id: string;
  readonly create_at: number;
  readonly props: Record<string, unknown>;
}

/** Somebody at the chat server, through its REST API alone. */
export class Person {
  readonly userId: string;
  readonly #url: string;
  readonly #token: string;
  readonly #channels = new Map<string, string>();

  private constructor(url: string, token: string, userId: string) {
    this.#url = url;
    this.#token = token;
    this.userId = userId;
  }

  static async connect(url: string, token: string): Promise<Person> {
    const me = await call(url, token, 'GET', '/users/me');
    return new Person(url, token, String(me.body['id']));
  }

  async call(
    method: string,
    route: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, never> }> {
    return call(this.#url, this.#token, method, route, body);
  }

  async channelId(name: string): Promise<string> {
    const known = this.#channels.get(name);
    if (known) return known;
    const { body } = await this.call('GET', `/teams/name/olympus/channels/name/${name}`);
    this.#channels.set(name, String(body['id']));
    return String(body['id']);
  }

  async say(
    message: string,
    more: { rootId?: string; channel?: string; props?: Record<string, unknown> } = {},
  ): Promise<SeenPost> {
    const { status, body } = await this.call('POST', '/posts', {
      channel_id: await this.channelId(more.channel ?? 'town-square'),
      message,
      root_id: more.rootId ?? '',
      ...(more.props ? { props: more.props } : {}),
    });
    if (status !== 201) throw new Error(`the server answered ${status}: ${JSON.stringify(body)}`);
    return body as unknown as SeenPost;
  }

  /** The thread without its root, oldest first. */
  async replies(rootId: string): Promise<SeenPost[]> {
    const { body } = await this.call('GET', `/posts/${rootId}/thread?perPage=200&direction=down`);
    const posts = Object.values((body as unknown as { posts: Record<string, SeenPost> }).posts);
    return posts.filter((post) => post.id !== rootId).sort((a, b) => a.create_at - b.create_at);
  }

  /** The text of the one file of a post. */
  async file({ id }: Pick<SeenPost, 'id'>): Promise<string> {
    const { body } = await this.call('GET', `/posts/${id}`);
    const ids = (body as unknown as { file_ids?: string[] }).file_ids ?? [];
    if (ids.length !== 1) throw new Error(`the post has ${ids.length} files`);
    const response = await fetch(`${this.#url}/api/v4/files/${ids[0]}`, {
      headers: { authorization: `Bearer ${this.#token}` },
      signal: AbortSignal.timeout(10_000),
    });
    return response.text();
  }

  /** Emoji names on a post, by anybody. */
  async reactions(postId: string): Promise<string[]> {
    const { body } = await this.call('GET', `/posts/${postId}/reactions`);
    return ((body as unknown as { emoji_name: string }[] | null) ?? []).map(
      (reaction) => reaction.emoji_name,
    );
  }

  /** The first reply in the thread that matches. */
  async untilReply(rootId: string, pattern: RegExp, timeoutMs = 45_000): Promise<SeenPost> {
    return waitFor(
      `a reply like ${pattern}`,
      async () => {
        const replies = await this.replies(rootId);
        const found = replies.find((post) => pattern.test(post.message));
        if (found) return found;
        throw new Error(
          `the thread holds ${JSON.stringify(replies.map((post) => post.message.slice(0, 200)))}`,
        );
      },
      { timeoutMs, everyMs: 30 },
    );
  }

  async untilReaction(postId: string, emoji: string, timeoutMs = 45_000): Promise<void> {
    await waitFor(
      `:${emoji}: on the post`,
      async () => {
        const seen = await this.reactions(postId);
        if (seen.includes(emoji)) return true;
        throw new Error(`it has ${seen.join(', ') || 'no reaction'}`);
      },
      { timeoutMs, everyMs: 30 },
    );
  }
}

async function call(url: string, token: string, method: string, route: string, body?: unknown) {
  const response = await fetch(`${url}/api/v4${route}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(10_000),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text || '{}') as Record<string, never> };
}
