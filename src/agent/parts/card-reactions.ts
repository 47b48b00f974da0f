import { cardOfMarker } from '#core/card.ts';
import { hasAttachments, marksOf, type Post, type Reaction } from '#integrations/mattermost/posts.ts';

/** What an emoji below a card decides, for whom buttons cannot be seen or pressed. */
const VERBS: ReadonlyMap<string, 'approve' | 'deny'> = new Map([
  ['+1', 'approve'],
  ['thumbsup', 'approve'],
  ['white_check_mark', 'approve'],
  ['-1', 'deny'],
  ['thumbsdown', 'deny'],
  ['x', 'deny'],
]);

const SKIN_TONE = /_(?:light|medium_light|medium|medium_dark|dark)_skin_tone$/;

/** Whether the emoji means anything below a card. */
export function decides(reaction: Pick<Reaction, 'emoji_name'>): boolean {
  return verbOf(reaction) !== undefined;
}

/** The command that the emoji stands for, below this post of our own; undefined where that is no card, or one that is closed. */
export function commandOfReaction(reaction: Pick<Reaction, 'emoji_name'>, post: Post): string | undefined {
  const verb = verbOf(reaction);
  const id = cardOfMarker(marksOf(post)?.marker ?? '');
  return verb && id !== undefined && hasAttachments(post) ? `${verb} ${id}` : undefined;
}

function verbOf({ emoji_name }: Pick<Reaction, 'emoji_name'>): 'approve' | 'deny' | undefined {
  return VERBS.get(emoji_name.replace(SKIN_TONE, ''));
}
