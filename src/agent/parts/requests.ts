import { chatSigns } from '#core/chat-signs.ts';
import type { Conversation } from '#core/conversation.ts';
import { TaskCreate } from '#core/messages/task-create.ts';
import { TaskRevise } from '#core/messages/task-revise.ts';
import { withoutMention } from '#integrations/mattermost/mentions.ts';
import { type Post, rolesOf, standingOf, type User } from '#integrations/mattermost/posts.ts';
import { newId, newNonce } from '#lib/id.ts';
import { AFTER, type BusEffect } from '../journal/outbox-store.ts';
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
  /** What was said before in the thread. */
  readonly context: string | undefined;
}

/** What is asked by a post without a word. */
const ONLY_FILES = '(No words, only files.)';
const NOT_TAKEN =
  '(Files came with what you are asked, and were not taken: none are of bots, guests and deactivated accounts.)';

/** Writes down that a request goes to control, and that the post was seen. False when that was done before. */
export function recordRequest(
  surroundings: Surroundings,
  { post, target, conversation, channel, author, depth, context }: Asked,
): Promise<boolean> {
  const { journal, subjects, manifest } = surroundings;
  // They are kept before control says who may ask: whoever certainly may not, or is let in by way of exception, takes up no room.
  const takesFiles = !author.is_bot && standingOf(author) === 'member';
  const fileIds = takesFiles ? (post.file_ids ?? []) : [];
  const told = takesFiles || !post.file_ids?.length ? [context] : [context, NOT_TAKEN];
  const beside = told.filter(Boolean).join('\n\n');
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
      text: askedBy(post, target),
      ...(beside ? { context: beside } : {}),
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
    addInOrder(surroundings, { key, request: effect, conversation, fileIds });
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
    for (const { postId, target, conversation } of open) {
      const dedupKey = dedupKeyOf(surroundings, postId, target);
      const data = what === 'deleted' ? { dedupKey } : { dedupKey, text: askedBy(post, target) };
      const request = {
        subject: subjects.request(manifest.name, 'task-revise'),
        msgId: `revise:${postId}:${newNonce()}`,
        body: JSON.stringify(TaskRevise.create(headOf(surroundings, postId), data)),
      };
      const key = `${requestKey(postId, target)}${AFTER}${change}`;
      addInOrder(surroundings, { key, request, conversation, fileIds: [] });
    }
    return open.length;
  });
}

/** Towards the bus, or first where files are waited for: of a conversation nothing overtakes what was said in it before. */
function addInOrder(
  { journal: { outbox } }: Surroundings,
  what: {
    readonly key: string;
    readonly request: BusEffect;
    readonly conversation: Conversation;
    readonly fileIds: string[];
  },
): void {
  const { key, request, conversation, fileIds } = what;
  const { postId: id, channelId, rootId } = conversation;
  if (fileIds.length === 0 && !outbox.waitsForFiles(conversation)) outbox.addBus(key, request);
  else outbox.addFiles(`files:${key}`, { fileIds, post: { id, channelId, rootId }, key, request });
}

/** What a post asks of `target`. */
function askedBy(post: Post, target: string): string {
  const text = withoutMention(post.message, target);
  return text === '' && post.file_ids?.length ? ONLY_FILES : text;
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
