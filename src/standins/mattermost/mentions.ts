import type { Channel, Post, User } from './model.ts';

export interface MentionScene {
  readonly post: Post;
  readonly channel: Channel;
  readonly members: readonly User[];
  readonly isOnline: (userId: string) => boolean;
}

/**
 * Whom a post mentions: by @name, by @channel, @all or (when online) @here, everybody else in direct and
 * group channels, and the added user of a join post; never its author. Source: facts §3.6, notification.go.
 */
export function mentionedUsers(scene: MentionScene): Set<string> {
  const { post, channel, members } = scene;
  const mentioned = new Set<string>();
  if (post.type !== '') {
    const added = post.props['addedUserId'];
    if (post.type === 'system_add_to_channel' && typeof added === 'string') mentioned.add(added);
    return mentioned;
  }
  const words = namesIn(post.message);
  const isPrivate = channel.type === 'D' || channel.type === 'G';
  const everybody = isPrivate || words.has('@channel') || words.has('@all');
  for (const user of members) {
    const named = words.has(`@${user.username}`);
    const here = words.has('@here') && scene.isOnline(user.id);
    if (named || everybody || here) mentioned.add(user.id);
  }
  mentioned.delete(post.user_id);
  return mentioned;
}

/** Members whom the text names one by one; the root post of a thread makes these its followers. */
export function namedUsers(text: string, members: readonly User[]): string[] {
  const words = namesIn(text);
  return members.filter((user) => words.has(`@${user.username}`)).map((user) => user.id);
}

/** Every @word of a text outside code, in lower case, without the punctuation that ends a sentence. */
function namesIn(text: string): Set<string> {
  const names = new Set<string>();
  const words = withoutCode(text)
    .toLowerCase()
    .split(/[^\p{L}\p{N}:._@-]+/u);
  for (const word of words) {
    for (const part of [word, ...word.split(/[.:-]+/)]) addName(names, part);
  }
  return names;
}

/** A word may end in ".-:_" that belongs to the name or to the sentence: both are tried. */
function addName(names: Set<string>, word: string): void {
  let name = word.replace(/^_+(?=@)/, '');
  if (!name.startsWith('@')) return;
  names.add(name);
  while (/[.:_-]$/.test(name)) {
    name = name.slice(0, -1);
    names.add(name);
  }
}

/** Code spans and fenced or indented blocks hold no mentions (recorded: "code mention"). */
function withoutCode(text: string): string {
  return text
    .replace(/^ {0,3}(`{3,}|~{3,})[^\n]*\n[\s\S]*?(?:^ {0,3}\1[^\n]*$|$(?![\s\S]))/gm, ' ')
    .replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, ' ')
    .replace(/(?:^|\n)\n(?:(?: {4}|\t)[^\n]*(?:\n|$))+/g, '\n');
}
