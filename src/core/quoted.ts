/** Words of somebody else, each line marked, so that none can end its own quotation. */
export function quoted(words: string): string {
  return words
    .trim()
    .split(/\r\n|[\r\n\u2028\u2029]/)
    .map((line) => `> ${line}`.trimEnd())
    .join('\n');
}
