/** A source text taken apart far enough to ask what it imports and which names it uses. */
export interface Scanned {
  /** The code, comments gone, each string replaced by "§n" where n is its index in `strings`. */
  readonly code: string;
  readonly strings: readonly string[];
}

/** Masks comments, strings and regular expressions, so that words inside them are not taken for code. */
export function scan(text: string): Scanned {
  const strings: string[] = [];
  // One entry for each template literal we are inside of: how many braces are open in its ${…}.
  const templates: number[] = [];
  let code = '';
  let at = 0;

  const addString = (value: string): void => {
    code += `"§${strings.length}"`;
    strings.push(value);
  };
  /** Reads template text from `at` to its end or to the next ${; keeps the code inside ${…} as code. */
  const readTemplateText = (): void => {
    const from = at;
    while (at < text.length && text[at] !== '`' && !text.startsWith('${', at))
      at += text[at] === '\\' ? 2 : 1;
    addString(text.slice(from, at));
    if (text[at] === '`') at += 1;
    else {
      at += 2;
      templates.push(0);
      code += '(';
    }
  };

  while (at < text.length) {
    const char = text[at] ?? '';
    const openBraces = templates.at(-1);
    if (text.startsWith('//', at)) {
      at = endOf(text, '\n', at) - 1;
    } else if (text.startsWith('/*', at)) {
      at = endOf(text, '*/', at + 2);
      code += ' ';
    } else if (char === "'" || char === '"') {
      const from = ++at;
      while (at < text.length && text[at] !== char && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
      addString(text.slice(from, at++));
    } else if (char === '`') {
      at += 1;
      readTemplateText();
    } else if (char === '/' && startsRegExp(code)) {
      at = endOfRegExp(text, at);
      code += ' 0 ';
    } else if (char === '}' && openBraces === 0) {
      templates.pop();
      at += 1;
      code += ')';
      readTemplateText();
    } else {
      if (openBraces !== undefined && char === '{') templates.push((templates.pop() ?? 0) + 1);
      if (openBraces !== undefined && char === '}') templates.push((templates.pop() ?? 0) - 1);
      code += char;
      at += 1;
    }
  }
  return { code, strings };
}

/** Every module a source names: static, type-only and dynamic imports, re-exports, import types and require. */
export function importsOf({ code, strings }: Scanned): string[] {
  const forms = [
    /\b(?:import|export)\b[\s\w$*{},"§]*?\bfrom\s*"§(\d+)"/g,
    /\bimport\s*"§(\d+)"/g,
    /\b(?:import|require|resolve)\s*\(\s*"§(\d+)"/g,
  ];
  return forms.flatMap((form) => [...code.matchAll(form)].map(([, index]) => strings[Number(index)] ?? ''));
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found === -1 ? text.length + 1 : found + mark.length;
}

/** A slash divides after a value, and starts a regular expression after anything else. */
function startsRegExp(codeSoFar: string): boolean {
  const before = codeSoFar.trimEnd();
  if (/\b(return|typeof|case|in|of|do|else|void|delete|await|yield)$/.test(before)) return true;
  return !/[\w$)\]}"]$/.test(before);
}

function endOfRegExp(text: string, from: number): number {
  let inClass = false;
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '\n') return at;
    else if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) return at + 1;
  }
  return text.length;
}
