/**
 * The reactions by which an agent shows on a post how its work on it stands: sign → emoji name, in the order in
 * which work goes.
 */
export const chatSigns = {
  received: 'eyes',
  queued: 'hourglass_flowing_sand',
  working: 'hammer_and_wrench',
  done: 'white_check_mark',
  failed: 'x',
} as const;

export type ChatSign = keyof typeof chatSigns;

/** The sign that an emoji stands for, or undefined when it is none of ours. */
export function signOf(emoji: string): ChatSign | undefined {
  const signs = Object.keys(chatSigns) as ChatSign[];
  return signs.find((sign) => chatSigns[sign] === emoji);
}
