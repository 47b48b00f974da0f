import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import { takeFailureNotes } from './failure-notes.ts';

/** What one mocha run did, as the test runner reads it. */
export interface SuiteSummary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** The title of each test that failed, and the first line of what it said. */
  readonly failures: readonly string[];
  /** What kept the process from ending by itself, when something did. */
  readonly stillOpen?: readonly string[];
}

const LINGER_MS = 10_000;
/** Of what a failed test says, shown at once; mocha shows all of it at the end. */
const LONGEST_MESSAGE = 4_000;

/**
 * Mocha's `spec` output, and three things more: the counts as JSON in the file that SUITE_SUMMARY names, what went wrong
 * and the server logs of a test that failed, at once, because a run may be cut off; and an end to a run whose tests are
 * over but which leaked a handle.
 */
class SummaryReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    const { EVENT_TEST_BEGIN, EVENT_TEST_FAIL, EVENT_RUN_END } = Mocha.Runner.constants;
    const failures: string[] = [];
    let failed: string | undefined;

    // A fixture is disposed inside its test or in a hook after it: what it noted is known at the next test.
    const collect = (): void => {
      for (const { title, text } of takeFailureNotes()) {
        if (failed !== undefined) process.stdout.write(`--- ${failed}\n--- ${title}:\n${text}\n`);
      }
      failed = undefined;
    };
    runner.on(EVENT_TEST_BEGIN, collect);
    runner.on(EVENT_TEST_FAIL, (test, error: Error) => {
      failed = test.fullTitle();
      failures.push(`${failed}: ${error.message.split('\n')[0]}`);
      process.stdout.write(`${error.message.slice(0, LONGEST_MESSAGE)}\n`);
    });
    runner.on(EVENT_RUN_END, () => {
      collect();
      const counts = {
        passed: this.stats.passes,
        failed: this.stats.failures,
        skipped: this.stats.pending,
        failures,
      };
      writeSummary(counts);
      endLater(counts);
    });
  }
}

function writeSummary(summary: SuiteSummary): void {
  const file = process.env['SUITE_SUMMARY'];
  if (file) writeFileSync(file, JSON.stringify(summary));
}

function endLater(counts: SuiteSummary): void {
  setTimeout(() => {
    const stillOpen = process.getActiveResourcesInfo();
    process.stderr.write(`The tests are over, but the process does not end; open: ${stillOpen.join(', ')}\n`);
    writeSummary({ ...counts, stillOpen });
    process.exit(1);
  }, LINGER_MS).unref();
}

// Mocha loads a reporter with require() and wants the class itself.
export { SummaryReporter as 'module.exports' };
