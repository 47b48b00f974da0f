import { statSync } from 'node:fs';
import path from 'node:path';
import { isMap, isNode, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { readIfThere, writeIfChanged } from '../files.ts';
import { InventoryError } from './finding.ts';
import { checkInventory, type ReadOptions } from './read-inventory.ts';

/** What of a machine's size is to be written; the rest stays. A profile takes the place of `vcpus` and `memory_mib`. */
export interface Resize {
  readonly profile?: 'light' | 'medium' | 'heavy';
  readonly vcpus?: number;
  readonly memory_mib?: number;
  readonly disk_gib?: number;
  readonly data_gib?: number;
}

/**
 * Writes another size of a machine into hosts.yml, of which every other byte stays. Returns whether anything changed. When the
 * inventory is not right with it nothing is written, and the InventoryError says why: its hypervisor may be too small.
 */
export function resizeMachine(dir: string, machine: string, resize: Resize, options: ReadOptions): boolean {
  const file = path.join(dir, 'hosts.yml');
  const before = readIfThere(file) ?? '';
  const fields: [string, string | number | undefined][] = Object.entries(resize);
  if (resize.profile) {
    for (const field of ['vcpus', 'memory_mib'] as const) {
      if (resize[field] === undefined) fields.push([field, undefined]);
    }
  }
  const after = fields.reduce((text, [field, value]) => withField(text, machine, field, value), before);
  const { findings } = checkInventory(dir, { ...options, hosts: after });
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new InventoryError(errors);
  return writeIfChanged(file, after, statSync(file).mode & 0o777);
}

/** The text with another value of a field of a machine, with the field besides, or without it. */
function withField(text: string, machine: string, field: string, value: string | number | undefined): string {
  const entry = entryOf(text, machine);
  const at = entry.items.findIndex(({ key }) => isScalar(key) && key.value === field);
  const [pair, previous, next] = [entry.items[at], entry.items[at - 1], entry.items[at + 1]];
  if (pair && value !== undefined) return spliced(text, rangeOf(pair.value), String(value));
  if (pair) {
    // With the comma, or the line, that divides it from its neighbour.
    if (next) return spliced(text, [rangeOf(pair.key)[0], rangeOf(next.key)[0]], '');
    return spliced(text, [previous ? endOf(previous) : rangeOf(pair.key)[0], endOf(pair)], '');
  }
  if (value === undefined) return text;
  const last = entry.items.at(-1);
  if (!last) throw new Error(`${machine} has no fields`);
  const end = endOf(last);
  if (entry.flow) return spliced(text, [end, end], `, ${field}: ${value}`);
  // On a line of its own below, so that a comment stays with what it is about.
  const lineEnd = text.indexOf('\n', end) < 0 ? text.length : text.indexOf('\n', end);
  const start = rangeOf(last.key)[0];
  const indent = ' '.repeat(start - text.lastIndexOf('\n', start) - 1);
  return spliced(text, [lineEnd, lineEnd], `\n${indent}${field}: ${value}`);
}

function entryOf(text: string, machine: string): YAMLMap {
  const document = parseDocument(text);
  for (const group of ['hub', 'agents']) {
    const entry = document.getIn([group, 'hosts', machine]);
    if (isMap(entry)) return entry;
  }
  throw new Error(`hosts.yml has no machine ${machine}`);
}

/** Where a node begins and where its value ends, before what follows on its line. */
function rangeOf(node: unknown): readonly [start: number, end: number] {
  if (!isNode(node) || !node.range) throw new Error('a field without a place in its file');
  return [node.range[0], node.range[1]];
}

function endOf({ key, value }: Pair): number {
  return rangeOf(isNode(value) ? value : key)[1];
}

function spliced(text: string, [start, end]: readonly [number, number], insert: string): string {
  return text.slice(0, start) + insert + text.slice(end);
}
