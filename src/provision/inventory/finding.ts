/** Something that is wrong in an inventory, or looks wrong: where it stands, and what was probably meant. */
export interface Finding {
  /** Errors keep everything else from starting; warnings do not. */
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `athena.memory_mib`; empty when the file as a whole is meant. */
  readonly field: string;
  /** A sentence: what is wrong, and what to write. */
  readonly message: string;
  /** The word that was probably meant. */
  readonly meant?: string;
}

/** An inventory that cannot be used: one line for each finding. */
export class InventoryError extends Error {
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    super(findings.map(findingLine).join('\n'));
    this.name = 'InventoryError';
    this.findings = findings;
  }
}

/** `inventory/lab/hosts.yml:17:14: athena.memory_mb: there is no such field. Did you mean memory_mib?` */
export function findingLine({ file, line, column, field, message, meant }: Finding): string {
  const question = meant === undefined ? '' : ` Did you mean ${meant}?`;
  return `${file}:${line}:${column}: ${field === '' ? '' : `${field}: `}${message}${question}`;
}

/** The candidate nearest to a mistyped word, when one is near enough to be what was meant. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of candidates) {
    const isCutShort = name.startsWith(word) || word.startsWith(name);
    const distance = isCutShort ? 0.5 : editDistance(word, name);
    if (distance <= Math.max(2, name.length / 3) && distance < (best?.distance ?? Number.POSITIVE_INFINITY)) {
      best = { name, distance };
    }
  }
  return best?.name;
}

/** How many letters to insert, remove, replace, or swap with the next one (optimal string alignment). */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j += 1) {
      const replaced = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      const isSwap = i > 0 && j > 0 && from[i] === to[j - 1] && from[i - 1] === to[j];
      const swapped = isSwap ? (before[j - 1] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(replaced, swapped, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row.at(-1) ?? 0;
}
