import { readFileSync } from 'node:fs';
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Finding, nearest } from './finding.ts';

type Path = readonly PropertyKey[];

/** A YAML file with the place of everything in it, so that a finding can point there. */
export interface YamlFile {
  readonly file: string;
  /** What it holds; undefined when it cannot be read, which the findings then say. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** A finding about a value, or about its key, or about the deepest thing on the way there that exists. */
  finding(path: Path, message: string, options?: FindingOptions): Finding;
}

export interface FindingOptions {
  readonly severity?: Finding['severity'];
  readonly meant?: string | undefined;
  /** Point to the key instead of the value. */
  readonly atKey?: boolean;
  /** How the field is called in the finding; the end of the path unless given. */
  readonly field?: string;
}

/** Reads a YAML file, or what it is to hold; what is wrong with it is in its findings. `file` is shown as it is given. */
export function readYamlFile(file: string, instead?: string): YamlFile {
  let text: string;
  try {
    text = instead ?? readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const message = code === 'ENOENT' ? 'there is no such file.' : `it cannot be read (${code}).`;
    return unreadable(file, message);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const finding: YamlFile['finding'] = (path, message, { severity = 'error', meant, atKey, field } = {}) => ({
    severity,
    file,
    ...at(offsetOf(document, path, atKey ?? false)),
    field: field ?? path.filter((part) => part !== 'hosts').join('.'),
    message,
    ...(meant === undefined ? {} : { meant }),
  });
  const findings = document.errors.map(({ pos, message }) => ({
    severity: 'error' as const,
    file,
    ...at(pos[0]),
    field: '',
    message: `this is not YAML: ${message}${/[.!?]$/.test(message) ? '' : '.'}`,
  }));
  if (findings.length > 0) return { file, value: undefined, findings, finding };
  try {
    return { file, value: document.toJS(), findings, finding };
  } catch (error) {
    return unreadable(file, `it cannot be read: ${error instanceof Error ? error.message : error}.`);
  }
}

export interface PartOptions<T extends z.ZodObject> {
  readonly schema: T;
  readonly value: unknown;
  /** How the part is called in findings. */
  readonly field: string;
  /** Fields that belong to somebody else. */
  readonly alsoKnown: ReadonlySet<string>;
}

/** Holds a part of the file to a schema: its value, or the findings, each with what was meant. */
export function parsePart<T extends z.ZodObject>(
  yaml: YamlFile,
  path: Path,
  { schema, value, field, alsoKnown }: PartOptions<T>,
): { value: z.output<T> | undefined; findings: Finding[] } {
  const parsed = schema.safeParse(without(value, alsoKnown, schema));
  if (parsed.success) return { value: parsed.data, findings: [] };
  const named = (rest: Path): string => [field, ...rest].filter((part) => part !== '').join('.');
  const known = [...Object.keys(schema.shape), ...alsoKnown];
  const { issues } = parsed.error;
  const mistyped = issues
    .flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [],
    )
    .map((at) => ({ at, meant: at.length === 1 ? nearest(String(at[0]), known) : undefined }));
  const unknown = mistyped.map(({ at, meant }) =>
    yaml.finding([...path, ...at], 'there is no such field.', { atKey: true, field: named(at), meant }),
  );
  const others = issues.flatMap((issue) => {
    const [first] = issue.path;
    const isMissing = issue.path.length === 1 && !isIn(value, first);
    // A field that was mistyped is not also missing.
    if (issue.code === 'unrecognized_keys' || (isMissing && mistyped.some(({ meant }) => meant === first)))
      return [];
    const ofKey = issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined;
    const message = isMissing ? `it is missing: ${issue.message}` : (ofKey ?? issue.message);
    const where = { field: named(issue.path), atKey: ofKey !== undefined };
    return [yaml.finding([...path, ...issue.path], message, where)];
  });
  return { value: undefined, findings: [...unknown, ...others] };
}

function isIn(value: unknown, name: PropertyKey | undefined): boolean {
  return typeof value === 'object' && value !== null && name !== undefined && name in value;
}

function unreadable(file: string, message: string): YamlFile {
  const finding = { severity: 'error' as const, file, line: 1, column: 1, field: '', message };
  return { file, value: undefined, findings: [finding], finding: () => finding };
}

/** The value without the fields that belong to somebody else. */
function without(value: unknown, names: ReadonlySet<string>, schema: z.ZodObject): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const ours = Object.entries(value).filter(([name]) => name in schema.shape || !names.has(name));
  return Object.fromEntries(ours);
}

function offsetOf(document: ReturnType<typeof parseDocument>, path: Path, atKey: boolean): number {
  for (let length = path.length; length >= 0; length--) {
    if (atKey && length > 0) {
      const parent = document.getIn(path.slice(0, length - 1), true);
      const pair = isMap(parent)
        ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(path[length - 1]))
        : undefined;
      if (isScalar(pair?.key) && pair.key.range) return pair.key.range[0];
    }
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}
