import { git } from './run.ts';

export interface FileChange {
  readonly path: string;
  readonly previousPath: string | undefined;
  readonly status: 'added' | 'removed' | 'modified' | 'renamed' | 'copied' | 'changed';
  /** The blob, or the commit of a submodule. */
  readonly sha: string;
  readonly additions: number;
  readonly deletions: number;
  /** Absent for binary files and for what is too large to show. */
  readonly patch: string | undefined;
}

/** GitHub's limits of a diff: of one file, and of all of it. */
const MAX_PATCH_BYTES = 500 * 1024;
export const MAX_DIFF_LINES = 20_000;

const STATUS: Readonly<Record<string, FileChange['status']>> = {
  A: 'added',
  D: 'removed',
  M: 'modified',
  R: 'renamed',
  C: 'copied',
  T: 'changed',
};

const DIFF = ['-c', 'core.quotepath=false', 'diff', '-M', '--no-ext-diff', '--no-textconv', '--full-index'];

/** The diff of a range as text: `a..b`, or `a...b` for what b has changed since it left a. */
export function diffText(dir: string, range: string): Promise<string> {
  return git(dir, [...DIFF, range]);
}

/** The files that differ in a range, with their patches. */
export async function changedFiles(dir: string, range: string): Promise<FileChange[]> {
  const [raw, numbers, text] = await Promise.all([
    git(dir, [...DIFF, '--raw', '-z', '--no-abbrev', range]),
    git(dir, [...DIFF, '--numstat', '-z', range]),
    diffText(dir, range),
  ]);
  const patches = text.split(/^(?=diff --git )/m).filter((part) => part !== '');
  const counts = readNumstat(numbers);
  return readRaw(raw).map((change, index) => {
    const [additions, deletions] = counts[index] ?? [0, 0];
    return { ...change, additions, deletions, patch: patchOf(patches[index]) };
  });
}

/** How much differs in a range. */
export async function diffSize(
  dir: string,
  range: string,
): Promise<{ files: number; additions: number; deletions: number }> {
  const counts = readNumstat(await git(dir, [...DIFF, '--numstat', '-z', range]));
  return {
    files: counts.length,
    additions: counts.reduce((sum, [added]) => sum + added, 0),
    deletions: counts.reduce((sum, [, deleted]) => sum + deleted, 0),
  };
}

/** `:100644 100644 <sha> <sha> M\0path\0`, with a second path where it was renamed. */
function readRaw(raw: string): Omit<FileChange, 'additions' | 'deletions' | 'patch'>[] {
  const fields = raw.split('\0');
  const changes: Omit<FileChange, 'additions' | 'deletions' | 'patch'>[] = [];
  while ((fields[0] ?? '').startsWith(':')) {
    const [, , before, after, letter = ''] = (fields.shift() ?? '').split(' ');
    const first = fields.shift() ?? '';
    const isMoved = letter.startsWith('R') || letter.startsWith('C');
    const second = isMoved ? fields.shift() : undefined;
    const sha = letter.startsWith('D') ? before : after;
    changes.push({
      path: second ?? first,
      previousPath: second === undefined ? undefined : first,
      status: STATUS[letter.slice(0, 1)] ?? 'changed',
      sha: sha ?? '',
    });
  }
  return changes;
}

/** `12\t3\tpath\0`; `-` counts in binary files; a renamed file has an empty path and then two. */
function readNumstat(text: string): [added: number, deleted: number][] {
  const fields = text.split('\0');
  const counts: [number, number][] = [];
  while (fields.length > 1) {
    const [added, deleted, path] = (fields.shift() ?? '').split('\t');
    if (path === '') fields.splice(0, 2);
    counts.push([Number(added) || 0, Number(deleted) || 0]);
  }
  return counts;
}

function patchOf(part: string | undefined): string | undefined {
  const start = part?.search(/^@@/m) ?? -1;
  if (part === undefined || start < 0) return undefined;
  const patch = part.slice(start).replace(/\n$/, '');
  return patch.length > MAX_PATCH_BYTES || patch.split('\n').length > MAX_DIFF_LINES ? undefined : patch;
}
