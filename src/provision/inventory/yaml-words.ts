import { readFileSync } from 'node:fs';
import { isPair, isScalar, LineCounter, type Node, type Pair, parseDocument, Scalar, visit } from 'yaml';
import type { Finding } from './finding.ts';

/**
 * Words of these fields that are no words for Ansible, which reads YAML 1.1: `off` is false there and `1_000` a number. In
 * a list of names, that name would be another than the one that was checked, and be nobody's.
 */
export function checkWords(file: string, fields: readonly string[]): Finding[] {
  const text = readFileSync(file, 'utf8');
  const lines = new LineCounter();
  const ours = parseDocument(text, { prettyErrors: false });
  const ansibles = parseDocument(text, { version: '1.1', lineCounter: lines, prettyErrors: false });
  return fields.flatMap((field) => {
    const known = new Map<number, unknown>();
    for (const { at, word } of plainWordsIn(ours.get(field, true))) known.set(at, word.value);
    return plainWordsIn(ansibles.get(field, true)).flatMap(({ at, word, isKey, path }) => {
      // What is no word for us either was refused already; but every key is one in the end.
      if (typeof word.value === 'string' || (!isKey && typeof known.get(at) !== 'string')) return [];
      const { line, col } = lines.linePos(at);
      const message = `Ansible does not read ${word.source} as a word: put it in quotes, "${word.source}".`;
      const where = { line, column: col, field: [field, ...path].join('.') };
      return [{ severity: 'error' as const, file, ...where, message }];
    });
  });
}

interface Word {
  /** Where it begins in the file. */
  readonly at: number;
  readonly word: Scalar;
  readonly isKey: boolean;
  /** The names of the fields on the way there. */
  readonly path: readonly string[];
}

/** Everything in this part of a file that is written without quotes. */
function plainWordsIn(part: unknown): Word[] {
  const words: Word[] = [];
  if (typeof part !== 'object' || part === null) return words;
  visit(part as Node, {
    Scalar(key, word, parents) {
      if (word.type !== Scalar.PLAIN || word.source === '' || !word.range) return;
      const path = parents.filter((each): each is Pair => isPair(each)).map(nameOf);
      words.push({ at: word.range[0], word, isKey: key === 'key', path });
    },
  });
  return words;
}

function nameOf({ key }: Pair): string {
  return isScalar(key) ? (key.source ?? String(key.value)) : '';
}
