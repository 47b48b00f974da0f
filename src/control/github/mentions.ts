/** Both also in items of lists, however deep. */
const FENCE = /^\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)*(`{3,}(?=[^`]*$)|~{3,})/;
const QUOTE = /^\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)*>/;
const INDENTED = /^(?: {4}|\t)/;
/**
 * What is not said: spans of code, which end where as many backticks stand as began them; comments of HTML, which are
 * shown to nobody, and hide the rest where they do not end; code and quotations written as HTML. Whichever begins first.
 */
const UNSAID =
  /(?<!`)(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)|<!--[\s\S]*?(?:-->|$)|<(pre|code|blockquote)\b[\s\S]*?(?:<\/\2\s*>|$)/gi;
/** Not within an address, a path or a word. */
const MENTION = /(?<![\w@/.+-])@([a-z0-9][a-z0-9_-]*)(?![\w/-]|\.\w)/gi;

/**
 * Who is mentioned in a comment, in small letters and each once: by words of its author, which is neither code nor a
 * quotation.
 */
export function mentionsIn(markdown: string): string[] {
  const said = withoutBlocks(markdown).replaceAll(UNSAID, ' ');
  return [...new Set([...said.matchAll(MENTION)].map(([, name = '']) => name.toLowerCase()))];
}

/** Without fenced and indented code and without quotations; lines that go on with a quotation belong to it. */
function withoutBlocks(markdown: string): string {
  const kept: string[] = [];
  let fence: string | undefined;
  let isQuote = false;
  let isParagraph = false;
  for (const line of markdown.split(/\r\n|[\r\n]/)) {
    const [, marks] = FENCE.exec(line) ?? [];
    if (fence !== undefined) {
      if (marks?.startsWith(fence) && line.trim() === marks) fence = undefined;
      continue;
    }
    if (marks) {
      fence = marks;
      isQuote = false;
      isParagraph = false;
      continue;
    }
    if (line.trim() === '') {
      isQuote = false;
      isParagraph = false;
    } else if (QUOTE.test(line)) isQuote = true;
    // What is indented goes on with a paragraph, and is code where none is open.
    const isCode = INDENTED.test(line) && !isParagraph;
    if (isQuote || isCode) {
      kept.push('');
      continue;
    }
    isParagraph = line.trim() !== '';
    kept.push(line);
  }
  return kept.join('\n');
}
