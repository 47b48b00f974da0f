import type { Grant } from '#core/permissions.ts';

/** A table with one grant made wider in one place. */
export interface WiderTable {
  readonly label: string;
  readonly table: readonly Grant[];
}

/** Every way to make one grant wider: `*` for one of its tokens, or `>` for all from one on. */
export function widerTables(table: readonly Grant[]): WiderTable[] {
  return table.flatMap((grant) =>
    widerSubjects(grant.subject).map((subject) => ({
      label: `${grant.operation}: ${grant.subject} → ${subject}`,
      table: table.map((each) => (each === grant ? { ...grant, subject } : each)),
    })),
  );
}

function widerSubjects(subject: string): string[] {
  const tokens = subject.split('.');
  const wider = new Set(
    tokens
      .flatMap((_, index) => [tokens.with(index, '*'), tokens.slice(0, index).concat('>')])
      .map((each) => each.join('.')),
  );
  // The last of these is what it was where it ends so already; `*` for `>` is narrower.
  if (tokens.at(-1) === '>') wider.delete(tokens.with(-1, '*').join('.'));
  wider.delete(subject);
  return [...wider];
}
