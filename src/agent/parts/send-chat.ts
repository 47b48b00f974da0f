import { messageOf, OlympusError } from '#core/errors.ts';
import type { MattermostChat } from '#integrations/mattermost/chat.ts';
import type { NewPost } from '#integrations/mattermost/rest.ts';
import type { Logger } from '#lib/log.ts';
import type { OutboxEntry } from '#lib/relay.ts';
import { ChatEffect, type OutboxStore, type PostEffect } from '../journal/outbox-store.ts';
import { ownPost } from './own-post.ts';

/** So often a file is brought in vain before its post goes without it: others wait behind it. */
const MOST_UPLOADS = 5;

/** A file on its way: its id once it is there, to be named by each attempt to post. */
interface Upload {
  readonly id?: string;
  readonly failed: number;
}

/**
 * Performs entries of the chat lane. What makes a second send harmless: reactions are idempotent at the server;
 * a post carries its marker as `pending_post_id` (the server's own memory of 30 s) and in its props, where a
 * second attempt looks before it posts.
 */
export function chatSender(
  chat: MattermostChat,
  outbox: OutboxStore,
  log: Logger,
): (entry: OutboxEntry, signal: AbortSignal) => Promise<void> {
  /** By entry. What a restart forgets is brought once more. */
  const uploads = new Map<number, Upload>();
  return async (entry, signal) => {
    const read = ChatEffect.safeParse(entry.payload);
    if (!read.success) {
      // Written by a newer daemon than this one: all that comes after it must not wait for that.
      log.error({ key: entry.key, problem: read.error }, 'this is not known here, left out');
      outbox.refused(entry.id, 'written by a newer release');
      return;
    }
    const effect = read.data;
    try {
      await perform({ chat, outbox, uploads, log }, effect, entry, signal);
      uploads.delete(entry.id);
    } catch (error) {
      if (!(error instanceof OlympusError) || error.code !== 'chat_refused') throw error;
      log.error({ err: error, key: entry.key }, 'chat refused this for good');
      outbox.refused(entry.id, messageOf(error));
      uploads.delete(entry.id);
    }
  };
}

interface Sending {
  readonly chat: MattermostChat;
  readonly outbox: OutboxStore;
  readonly uploads: Map<number, Upload>;
  readonly log: Logger;
}

async function perform(
  sending: Sending,
  effect: ChatEffect,
  entry: OutboxEntry,
  signal: AbortSignal,
): Promise<void> {
  const { chat, outbox } = sending;
  const me = chat.me ?? (await chat.rest.me(signal));
  switch (effect.kind) {
    case 'react': {
      const { unless } = effect;
      const emoji = unless && outbox.anyRefused(unless.of) ? unless.emoji : effect.emoji;
      return chat.rest.react(me.id, effect.postId, emoji, signal);
    }
    case 'unreact':
      return chat.rest.unreact(effect.postId, effect.emoji, signal);
    case 'post': {
      if (entry.attempts > 0 && (await ownPost(chat.rest, me.id, effect, signal))) return;
      const marks = { marker: effect.marker, depth: effect.depth };
      const says = await withFile(sending, effect, entry.id, signal);
      await chat.rest.post({ ...effect, marks, ...says }, signal);
      return;
    }
    case 'close-card': {
      const { marker, depth, message } = effect;
      const post = await ownPost(chat.rest, me.id, effect, signal);
      if (!post) {
        const sentence = 'the card is not there: it was deleted, never posted, or is too far up';
        throw new OlympusError(
          'chat_refused',
          `${sentence}; a button of it says what was decided when pressed`,
        );
      }
      return chat.rest.edit(post.id, { message, marks: { marker, depth } }, signal);
    }
    default:
      return effect satisfies never;
  }
}

/**
 * What a post with a file says, and the file's id. It is brought once, however often the post is tried: a file without a post
 * is shown nowhere, and stays.
 */
async function withFile(
  { chat, uploads, log }: Sending,
  { channelId, message, file }: PostEffect,
  entryId: number,
  signal: AbortSignal,
): Promise<Pick<NewPost, 'message' | 'fileIds'>> {
  if (!file) return { message };
  const { id: there, failed } = uploads.get(entryId) ?? { failed: 0 };
  if (there !== undefined) return { message, fileIds: [there] };
  try {
    const id = await chat.rest.upload(channelId, file, signal);
    uploads.set(entryId, { id, failed });
    return { message, fileIds: [id] };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof OlympusError) || error.code === 'chat_unauthorized') throw error;
    uploads.set(entryId, { failed: failed + 1 });
    if (error.code !== 'chat_refused' && failed + 1 < MOST_UPLOADS) throw error;
    log.error({ err: error, channelId }, 'chat takes no file: only the beginning of a text is posted');
    return { message: file.otherwise };
  }
}
