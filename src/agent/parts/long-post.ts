import { POST_LIMIT } from '#integrations/mattermost/rest.ts';
import { splitMessage } from '#integrations/mattermost/split-message.ts';
import type { PostEffect } from '../journal/outbox-store.ts';

/** More posts than this one after another nobody reads. */
const MOST_POSTS = 4;
/** What is shown of a text that comes as a file, in characters (Unicode code points). */
const BEGINNING = 3_000;

/** What is posted of a text: all of it, in as many posts as it takes; of one that takes too many the beginning, with a file that has all. */
export function postsOf(
  text: string,
  taskId: string | undefined,
): readonly Pick<PostEffect, 'message' | 'file'>[] {
  const parts = splitMessage(text, POST_LIMIT);
  if (parts.length <= MOST_POSTS) return parts.map((message) => ({ message }));
  const [beginning = ''] = splitMessage(text, BEGINNING);
  const length = Array.from(text).length;
  const whole = taskId ? ` The whole of it: \`olympus task show ${taskId}\`.` : '';
  return [
    {
      message: `${beginning}\n\n(This is the beginning; all ${length} characters are in the file.)`,
      file: {
        name: 'answer.md',
        text,
        otherwise: `${beginning}\n\n(This is the beginning of ${length} characters; they could not be put here as a file.${whole})`,
      },
    },
  ];
}
