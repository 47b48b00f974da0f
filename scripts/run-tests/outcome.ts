import path from 'node:path';

/** What a suite did. `remarks` say in a sentence each what failed outside of any test. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** The tests that failed: their titles, and the first line of what each said. */
  readonly failures: readonly string[];
  readonly remarks: readonly string[];
}

export interface Outcome extends Counts {
  readonly name: string;
  readonly seconds: number;
}

/** How a suite's process ended; `limitMs` is set when it was ended for taking too long. */
export interface Ending {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly limitMs?: number;
}

/** The counts as the reporter wrote them, if it got that far. */
export interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
  readonly stillOpen?: readonly string[];
}

/** Judges a mocha run. Crashing, hanging, leaking and running no test at all are failures like any other. */
export function judge(ending: Ending, summary: Summary | undefined): Counts {
  const { passed = 0, skipped = 0, failed = 0, failures = [] } = summary ?? {};
  const remarks: string[] = [];
  if (ending.limitMs !== undefined) {
    remarks.push(`ended after ${Number((ending.limitMs / 60_000).toFixed(1))} minutes, all that it had`);
  } else if (!summary) {
    remarks.push(`no result: the process ended with ${ending.signal ?? `exit code ${ending.exitCode}`}`);
  } else if (summary.stillOpen) {
    remarks.push(`did not end by itself; still open: ${summary.stillOpen.join(', ')}`);
  } else if (passed + failed === 0) {
    remarks.push('ran no test');
  } else if (ending.exitCode !== 0 && failed === 0) {
    remarks.push(`ended with ${ending.signal ?? `exit code ${ending.exitCode}`} though no test failed`);
  }
  return { passed, skipped, failed: failed + remarks.length, failures, remarks };
}

/**
 * Deals the files of a folder out: those of a folder within it stay together, because they share what is slow to start,
 * and come first; the others one by one, so that neighbours, which tend to be alike, go to different hands. No hand is empty.
 */
export function deal(files: readonly string[], folder: string, hands: number): string[][] {
  const together = Object.values(
    Object.groupBy(
      files.filter((file) => path.posix.dirname(file) !== folder),
      (file) => path.posix.dirname(file),
    ),
  ).map((those = []) => those);
  const single = files.filter((file) => path.posix.dirname(file) === folder);
  const least = single.length > 0 || together.length === 0 ? 1 : 0;
  const count = Math.max(least, Math.min(hands - together.length, single.length));
  const dealt = Array.from({ length: count }, (_, hand) =>
    single.filter((_file, index) => index % count === hand),
  );
  return [...together, ...dealt];
}

/** Adds up suites. Nothing run at all counts as one failure. */
export function total(outcomes: readonly Counts[]): Counts {
  if (outcomes.length === 0) {
    return { passed: 0, failed: 1, skipped: 0, failures: [], remarks: ['no suite was run'] };
  }
  const sum = (count: (outcome: Counts) => number): number =>
    outcomes.reduce((soFar, outcome) => soFar + count(outcome), 0);
  return {
    passed: sum((outcome) => outcome.passed),
    failed: sum((outcome) => outcome.failed),
    skipped: sum((outcome) => outcome.skipped),
    failures: outcomes.flatMap((outcome) => outcome.failures),
    remarks: outcomes.flatMap((outcome) => outcome.remarks),
  };
}

/** The last line of a run, for people and for machines. */
export function closingLine({
  passed,
  failed,
  skipped,
}: Pick<Counts, 'passed' | 'failed' | 'skipped'>): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** A line for each suite with its time, and once more what went wrong: the end of a long log is what is kept of it. */
export function report(outcomes: readonly Outcome[]): string {
  const lines = outcomes.flatMap((outcome) => [
    `  ${outcome.name.padEnd(12)} ${outcome.seconds.toFixed(1).padStart(7)} s   ${counted(outcome)}`,
    ...[...outcome.failures, ...outcome.remarks].map((what) => `  ${outcome.name.padEnd(12)}   ${what}`),
  ]);
  return ['Suites', ...lines].join('\n');
}

// Not in the words of the closing line, which must stay the only one of its kind.
function counted({ passed, failed, skipped }: Counts): string {
  return `${passed} ok · ${failed} not ok${skipped > 0 ? ` · ${skipped} left out` : ''}`;
}
