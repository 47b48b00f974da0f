import { z } from 'zod';

/** A chat thread bound to tasks, and the message in it that is being answered. */
export const Conversation = z.looseObject({
  id: z.string().min(1).max(256),
  surface: z.enum(['mattermost']),
  channelId: z.string().min(1).max(256),
  /** Root post of the thread; empty in a direct message, which stays flat. */
  rootId: z.string().max(256),
  /** The post that asked. */
  postId: z.string().min(1).max(256),
});
export type Conversation = z.output<typeof Conversation>;

/** The OpenClaw session that holds the history of a conversation, or of a task that has none. */
export function sessionKeyOf(work: { taskId: string; conversation?: Conversation | undefined }): string {
  return work.conversation ? `olympus:conv:${work.conversation.id}` : `olympus:task:${work.taskId}`;
}
