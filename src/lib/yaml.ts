import { readFileSync } from 'node:fs';
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';

type Document = ReturnType<typeof parseDocument>;

/** A YAML file that cannot be used: the message holds file, line, column, field and what is wrong. */
export class YamlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'YamlError';
  }
}

/** Reads a YAML file and checks it; throws one YamlError with a line for everything that is wrong. */
export function readYaml<T extends z.ZodType>(file: string, schema: T): z.output<T> {
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw new YamlError(document.errors.map((error) => `${at(error.pos[0])}: ${error.message}`).join('\n'));
  }
  const parsed = schema.safeParse(toPlain(document, file));
  if (parsed.success) return parsed.data;
  const messages = parsed.error.issues.map((issue) => {
    const where = issue.path.join('.') || 'the file';
    return `${at(offsetOf(document, issue))}: ${where}: ${issue.message}`;
  });
  throw new YamlError(messages.join('\n'));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new YamlError(`${file}: cannot be read (${code})`);
  }
}

/** Aliases are resolved only here, and the parser says so when one points nowhere or explodes. */
function toPlain(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new YamlError(`${file}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Where to point: at the unknown key, else at the deepest node on the way to the field that the document has. */
function offsetOf(document: Document, issue: z.core.$ZodIssue): number {
  for (let length = issue.path.length; length >= 0; length--) {
    const node = document.getIn(issue.path.slice(0, length), true);
    if (issue.code === 'unrecognized_keys' && isMap(node)) {
      const unknown = node.items.find(({ key }) => isScalar(key) && issue.keys.includes(String(key.value)));
      if (isScalar(unknown?.key) && unknown.key.range) return unknown.key.range[0];
    }
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}
