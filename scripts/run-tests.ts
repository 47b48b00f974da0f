import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { closingLine, type Outcome, report, total } from './run-tests/outcome.ts';
import { runChecks, runMocha } from './run-tests/suites.ts';

const HELP = `Usage: npm test -- [--all] [--only <suite>]…

Runs the suites one after another, streams their output, and ends with one line: N passed, N failed.
Exit code 1 when anything failed, crashed, or ran no test.

  check        types, lint, unused code, shell scripts, architecture (every check:… of package.json)
  unit         no port, file or clock
  libvirt      packages/node-libvirt, on a libvirtd of its own
  integration  real servers on the loopback interface
  ansible      playbooks, roles and inventories, without a machine
  crash        processes killed at the worst moment (not part of npm test)
  chaos        a fleet under faults and with broken promises (not part of npm test)
  lab          the lab with its virtual machines, as root (not part of npm test)

  --all           every suite; scripts/test does the set-up and then this
  --only <suite>  only this one; may be repeated
  --help          this text`;

const ROOT = path.resolve(import.meta.dirname, '..');
const MINUTE_MS = 60_000;

/** Where a number of processes stands last, the suite mostly waits: for gateways to start, for a message to come again. */
const SUITES = {
  check: (signal: AbortSignal) => runChecks(ROOT, 5 * MINUTE_MS, signal),
  unit: (signal: AbortSignal) => runMocha(ROOT, 'test/unit', 5 * MINUTE_MS, signal),
  libvirt: (signal: AbortSignal) => runMocha(ROOT, 'packages/node-libvirt/test', 5 * MINUTE_MS, signal),
  integration: (signal: AbortSignal) => runMocha(ROOT, 'test/integration', 45 * MINUTE_MS, signal, 2),
  ansible: (signal: AbortSignal) => runMocha(ROOT, 'test/ansible', 15 * MINUTE_MS, signal, 2),
  crash: (signal: AbortSignal) => runMocha(ROOT, 'test/e2e', 30 * MINUTE_MS, signal, 3),
  chaos: (signal: AbortSignal) => runMocha(ROOT, 'test/chaos', 15 * MINUTE_MS, signal),
  lab: (signal: AbortSignal) => runMocha(ROOT, 'test/lab', 70 * MINUTE_MS, signal),
};

type SuiteName = keyof typeof SUITES;

/** Left to scripts/test, and to who asks for it by name. */
const LONG: readonly SuiteName[] = ['crash', 'chaos', 'lab'];

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      all: { type: 'boolean' },
      only: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const unknown = values.only?.find((name) => !(name in SUITES));
  if (unknown !== undefined) {
    console.error(`There is no suite "${unknown}". Suites: ${Object.keys(SUITES).join(', ')}.`);
    process.exitCode = 2;
    return;
  }
  if (!existsSync(path.join(ROOT, 'node_modules', '.bin', 'mocha'))) {
    console.error('The dependencies are not installed. Run: npm ci');
    process.exitCode = 2;
    return;
  }
  process.exitCode = (await runSuites(chosen(values.only, values.all))) ? 0 : 1;
}

function chosen(only: readonly string[] | undefined, all: boolean | undefined): SuiteName[] {
  const names = Object.keys(SUITES) as SuiteName[];
  if (only) return names.filter((name) => only.includes(name));
  return all ? names : names.filter((name) => !LONG.includes(name));
}

/** Answers whether everything passed. A signal ends the suite under way, which then counts as failed. */
async function runSuites(names: readonly SuiteName[]): Promise<boolean> {
  const interrupted = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
  }
  const outcomes: Outcome[] = [];
  for (const name of names) {
    if (interrupted.signal.aborted) break;
    console.log(`\n=== ${name}`);
    const startedAt = performance.now();
    const counts = await SUITES[name](interrupted.signal);
    outcomes.push({ name, seconds: (performance.now() - startedAt) / 1000, ...counts });
  }
  console.log(`\n${report(outcomes)}\n`);
  console.log(closingLine(total(outcomes)));
  return total(outcomes).failed === 0;
}
