import { chatSigns } from '#core/chat-signs.ts';
import type { Conversation } from '#core/conversation.ts';
import type { TurnProgress } from '#core/harness.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import type { MattermostChat } from '#integrations/mattermost/chat.ts';
import type { Journal } from '../journal/journal.ts';
import type { ProgressPosts } from './progress.ts';

/** What a conversation is shown of a run that is at work for it. */
export interface Presence {
  /** The run was taken. Called in the transaction that writes the claim down. */
  claimed(dispatch: TaskDispatch['data']): void;
  typing(conversation: Conversation, signal: AbortSignal): Promise<void>;
  /** Something was heard of the turn of a run. */
  heard(runId: string, progress: TurnProgress): void;
}

/** Shows it on the asking post, through the outbox, and in its thread. */
export function chatPresence(
  chat: MattermostChat,
  { inbox, outbox }: Journal,
  progress: ProgressPosts,
): Presence {
  return {
    claimed({ runId, conversation }) {
      const postId = conversation?.postId;
      if (!postId) return;
      inbox.accept(postId);
      outbox.addChat(`working:${runId}`, { kind: 'react', postId, emoji: chatSigns.working });
    },
    typing: ({ channelId, rootId }, signal) => chat.rest.typing(channelId, rootId, signal),
    heard: (runId, what) => progress.heard(runId, what),
  };
}

/** Of an agent without an account in chat: nothing can be shown. */
export const noPresence: Presence = {
  claimed: () => undefined,
  typing: async () => undefined,
  heard: () => undefined,
};
