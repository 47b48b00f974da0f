/**
 * The JSDoc comments of a TypeScript text, by the name that is declared under each: a property (`NAME: …`) or a
 * declaration (`export const NAME …`). A name without a comment is not in the answer.
 */
export function commentsIn(source: string): Map<string, string> {
  const comments = new Map<string, string>();
  const pattern =
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*\n\s*(?:export (?:const|interface|class|function) )?(\w+)/g;
  for (const [, body = '', name = ''] of source.matchAll(pattern)) {
    comments.set(name, proseOf(body));
  }
  return comments;
}

function proseOf(body: string): string {
  return body
    .split('\n')
    .map((line) => line.replace(/^\s*\*?\s?/, '').trimEnd())
    .join(' ')
    .trim();
}
