import { z } from 'zod';

/** A post, as far as we use it. Everything in `props` is the author's word, a human may set any of it. */
export const Post = z.object({
  id: z.string(),
  create_at: z.number(),
  /** When its text was last changed (Unix ms); 0 for never. */
  edit_at: z.number().default(0),
  delete_at: z.number().default(0),
  user_id: z.string(),
  channel_id: z.string(),
  root_id: z.string().default(''),
  original_id: z.string().default(''),
  message: z.string(),
  type: z.string().default(''),
  props: z.record(z.string(), z.unknown()).nullish(),
  file_ids: z.array(z.string()).nullish(),
});
export type Post = z.output<typeof Post>;

/** A webhook posts as the person who made it, whatever others have it say. A person who sets this speaks for less, not for more. */
export function isFromWebhook(post: Post): boolean {
  return post.props?.['from_webhook'] !== undefined;
}

/** Whether buttons, or other things of an app's, stand below the post. */
export function hasAttachments(post: Post): boolean {
  const attachments = post.props?.['attachments'];
  return Array.isArray(attachments) && attachments.length > 0;
}

export const PostList = z.object({
  order: z.array(z.string()),
  posts: z.record(z.string(), Post),
  has_next: z.boolean().optional(),
});

export const User = z.object({
  id: z.string(),
  username: z.string(),
  is_bot: z.boolean().default(false),
  /** Separated by spaces. */
  roles: z.string().default(''),
  /** When the account was deactivated (Unix ms); 0 for one that is active. */
  delete_at: z.number().default(0),
});
export type User = z.output<typeof User>;

export function rolesOf({ roles }: User): string[] {
  return roles.split(' ').filter((role) => role !== '');
}

/** Whether it is a guest of the server, let into some channels only. */
export function isGuest(user: User): boolean {
  return rolesOf(user).includes('system_guest');
}

export function standingOf(user: User): 'member' | 'guest' | 'deactivated' {
  if (user.delete_at > 0) return 'deactivated';
  return isGuest(user) ? 'guest' : 'member';
}

export const Channel = z.object({ id: z.string(), type: z.string(), name: z.string() });
export type Channel = z.output<typeof Channel>;

/** What the server says of a file; the type is what its name stands for, not what is in it. */
export const FileInfo = z.object({
  id: z.string(),
  name: z.string(),
  size: z.number(),
  mime_type: z.string(),
});
export type FileInfo = z.output<typeof FileInfo>;

export const Reaction = z.object({
  user_id: z.string(),
  post_id: z.string(),
  emoji_name: z.string(),
  create_at: z.number(),
});
export type Reaction = z.output<typeof Reaction>;

/** Deeper than any agent lets itself be asked. */
const DEEPEST = 1000;

/** What we write into `props.olympus` of our own posts. `marker` is looked for before a post is sent again. */
export const Marks = z.object({
  marker: z.string(),
  // Any bot writes what it likes here: no more than can be counted on from.
  depth: z
    .int()
    .nonnegative()
    .transform((depth) => Math.min(depth, DEEPEST))
    .default(0),
});
export type Marks = z.output<typeof Marks>;

/** Our own marks on a post; undefined when it has none that can be read. Only believable on a post of a known bot. */
export function marksOf(post: Post): Marks | undefined {
  const parsed = Marks.safeParse(post.props?.['olympus']);
  return parsed.success ? parsed.data : undefined;
}

const PROGRESS = 'progress:';

/** The marker of the one post that shows how a run gets on. */
export function markerOfProgress(runId: string): string {
  return `${PROGRESS}${runId}`;
}

/** Whether a post only shows how work gets on. Anybody may say so of a post of their own, and hides nobody else's words by it. */
export function isProgress(post: Post): boolean {
  return marksOf(post)?.marker.startsWith(PROGRESS) ?? false;
}
