import { chatSigns } from '#core/chat-signs.ts';
import type { Conversation } from '#core/conversation.ts';
import { TaskCreate } from '#core/messages/task-create.ts';
import { TaskRevise } from '#core/messages/task-revise.ts';
import { withoutMention } from '#integrations/mattermost/mentions.ts';
import { type Post, rolesOf, standingOf, type User } from '#integrations/mattermost/posts.ts';
import { newId, newNonce } from '#lib/id.ts';
import { AFTER } from '../journal/outbox-store.ts';
import { TARGET as CONTROL, type Surroundings } from './chat-commands.ts';

/** A post that asks somebody for something. */
interface Asked {
  readonly post: Post;
  /** The agent that is asked. */
  readonly target: string;
  readonly conversation: Conversation;
  /** The name of its channel. */
  readonly channel: string;
  /** A person as the server has them now: who was deactivated a minute ago may ask nothing any more. */
  readonly author: User;
  /** How many agents stand between the person and this. */
  readonly depth: number;
  readonly text: string;
  /** What was said before in the thread. */
  readonly context: string | undefined;
}

/** What is asked by a post without a word. */
const ONLY_FILES = '(No words, only files.)';

/** Writes down that a request goes to control, and that the post was seen. False when that was done before. */
export function recordRequest(
  surroundings: Surroundings,
  { post, target, conversation, channel, author, depth, text, context }: Asked,
): Promise<boolean> {
  const { journal, subjects, manifest } = surroundings;
  const request = TaskCreate.create(
    {
      ...headOf(surroundings, post.id),
      olympustrust: author.is_bot ? 'bot' : 'member',
      olympusorigin: `mattermost:post:${post.id}`,
      olympusdepth: depth,
    },
    {
      dedupKey: dedupKeyOf(surroundings, post.id, target),
      agent: target,
      text: text === '' && post.file_ids?.length ? ONLY_FILES : text,
      ...(context ? { context } : {}),
      conversation,
      channel,
      requester: requesterOf(author),
    },
  );
  return journal.transaction(() => {
    journal.inbox.advance(post.channel_id, post.create_at);
    if (!journal.inbox.add(post.id, target, conversation)) return false;
    journal.outbox.addChat(`eyes:${post.id}`, {
      kind: 'react',
      postId: post.id,
      emoji: chatSigns.received,
    });
    const key = requestKey(post.id, target);
    const effect = {
      subject: subjects.request(manifest.name, 'task-create'),
      msgId: `request:${post.id}:${newNonce()}`,
      body: JSON.stringify(request),
    };
    const { channelId, rootId } = conversation;
    const fileIds = post.file_ids ?? [];
    if (fileIds.length === 0) journal.outbox.addBus(key, effect);
    else
      journal.outbox.addFiles(`files:${key}`, {
        ...{ fileIds, post: { id: post.id, channelId, rootId }, key, request: effect },
      });
    return true;
  });
}

/**
 * Writes down that what was asked by this post is another thing now, or nothing any more, and for a root that is gone
 * also what was asked below it. Done again it changes nothing. Answers how many requests that concerns.
 */
export async function recordRevision(
  surroundings: Surroundings,
  post: Post,
  what: 'edited' | 'deleted',
): Promise<number> {
  const { journal, subjects, manifest } = surroundings;
  const open = journal.inbox
    .open(post.id)
    .filter(({ postId, target }) => target !== CONTROL && (what === 'deleted' || postId === post.id));
  if (open.length === 0) return 0;
  const change = what === 'deleted' ? what : String(post.edit_at);
  return journal.transaction(() => {
    for (const { postId, target } of open) {
      const dedupKey = dedupKeyOf(surroundings, postId, target);
      const text = withoutMention(post.message, target);
      const data = what === 'deleted' ? { dedupKey } : { dedupKey, text };
      journal.outbox.addBus(`${requestKey(postId, target)}${AFTER}${change}`, {
        subject: subjects.request(manifest.name, 'task-revise'),
        msgId: `revise:${postId}:${newNonce()}`,
        body: JSON.stringify(TaskRevise.create(headOf(surroundings, postId), data)),
      });
    }
    return open.length;
  });
}

/** The thread of a post; a direct message is one flat conversation, elsewhere every thread is its own. */
export function conversationOf(post: Post, channelType: string): Conversation {
  const rootId = channelType === 'D' ? '' : post.root_id || post.id;
  return {
    id: `mm-${rootId || post.channel_id}`,
    surface: 'mattermost',
    channelId: post.channel_id,
    rootId,
    postId: post.id,
  };
}

function requesterOf(author: User): TaskCreate['data']['requester'] {
  const { id, username: name } = author;
  if (author.is_bot) return { id, name, kind: 'bot' };
  return { id, name, kind: 'human', standing: standingOf(author), roles: rolesOf(author) };
}

function headOf({ fleet, manifest, clock }: Surroundings, postId: string) {
  return {
    id: newId(clock.now()),
    source: `/fleets/${fleet}/agents/${manifest.name}`,
    subject: `post/${postId}`,
    time: new Date(clock.now()).toISOString(),
  };
}

function dedupKeyOf({ serverName }: Surroundings, postId: string, target: string): string {
  return `mm:${serverName}:${postId}:${target}`;
}

function requestKey(postId: string, target: string): string {
  return `request:${postId}:${target}`;
}
