import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';

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
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const messages = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return `${file}:${line}:${col}: ${error.message}`;
    });
    throw new YamlError(messages.join('\n'));
  }
  const parsed = schema.safeParse(document.toJS());
  if (parsed.success) return parsed.data;
  const messages = parsed.error.issues.map((issue) => {
    const offset = offsetOf(document, issue.path);
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}: ${issue.path.join('.') || 'the file'}: ${issue.message}`;
  });
  throw new YamlError(messages.join('\n'));
}

/** The offset of the deepest node on the way to `path` that the document has. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (node && typeof node === 'object' && 'range' in node && Array.isArray(node.range)) {
      return Number(node.range[0]);
    }
  }
  return 0;
}
