import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Counts, deal, type Ending, judge, type Summary, total } from './outcome.ts';

/** Runs every `check:…` script of package.json, also after one has failed; each counts as one. */
export async function runChecks(root: string, limitMs: number, signal: AbortSignal): Promise<Counts> {
  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const counts: Counts[] = [];
  for (const name of Object.keys(manifest.scripts).filter((script) => script.startsWith('check:'))) {
    if (signal.aborted) break;
    const startedAt = performance.now();
    const ending = await run(root, ['npm', 'run', '--silent', name], {}, limitMs, signal);
    const passed = ending.exitCode === 0;
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`  ${passed ? '✔' : '✘'} ${name} (${seconds} s)`);
    counts.push({
      passed: passed ? 1 : 0,
      failed: passed ? 0 : 1,
      skipped: 0,
      failures: [],
      remarks: passed ? [] : [`${name} failed; to see it alone: npm run ${name}`],
    });
  }
  return total(counts);
}

/** Shares for each process, so that one that is done early takes more. Each share costs a second to start. */
const SHARES = 5;

/**
 * Runs the mocha suite whose `.mocharc.json` is in this folder, with as many processes as asked for at once. One alone shows
 * its output as it comes; of several, each takes share after share of the files, whose output is seen when it is done.
 */
export async function runMocha(
  root: string,
  folder: string,
  limitMs: number,
  signal: AbortSignal,
  processes = 1,
): Promise<Counts> {
  const files = filesOf(root, folder);
  if (processes === 1) return mocha({ root, folder, hand: files, limitMs, signal });
  const endsAt = performance.now() + limitMs;
  const hands = deal(files, folder, processes * SHARES);
  await using scratch = await scratchDir();
  const counts: Counts[] = [];
  const work = async (): Promise<void> => {
    for (
      let hand = hands.shift();
      hand && !signal.aborted && performance.now() < endsAt;
      hand = hands.shift()
    ) {
      const output = path.join(scratch.path, `${hands.length}.out`);
      const left = endsAt - performance.now();
      counts.push(await mocha({ root, folder, hand, limitMs: left, signal }, output));
      process.stdout.write(await readFile(output, 'utf8'));
    }
  };
  const shares = hands.length;
  await Promise.all(Array.from({ length: processes }, work));
  const missing = shares - counts.length;
  const why = signal.aborted ? 'it was interrupted' : 'the time was up';
  const remarks = [`${missing} of ${shares} shares of the files were not run: ${why}`];
  return total([
    ...counts,
    ...(missing > 0 ? [{ passed: 0, failed: 1, skipped: 0, failures: [], remarks }] : []),
  ]);
}

function filesOf(root: string, folder: string): string[] {
  return globSync(`${folder}/**/*.test.ts`, { cwd: root }).sort();
}

async function scratchDir(): Promise<AsyncDisposable & { readonly path: string }> {
  const dir = await mkdtemp(path.join(tmpdir(), 'olympus-run-'));
  return { path: dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

interface Hand {
  readonly root: string;
  readonly folder: string;
  /** The files of the folder that are run. */
  readonly hand: readonly string[];
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** One mocha process, its output to a file or straight to ours. */
async function mocha({ root, folder, hand, limitMs, signal }: Hand, output?: string): Promise<Counts> {
  await using scratch = await scratchDir();
  const summaryFile = path.join(scratch.path, 'summary.json');
  const others = filesOf(root, folder).filter((file) => !hand.includes(file));
  const command = [
    'mocha',
    ...['--config', `${folder}/.mocharc.json`],
    ...['--reporter', path.join(root, 'test', 'support', 'reporter.ts')],
    ...others.flatMap((file) => ['--ignore', file]),
  ];
  const ending = await run(root, command, { SUITE_SUMMARY: summaryFile }, limitMs, signal, output);
  const summary = await readFile(summaryFile, 'utf8').then(
    (text) => JSON.parse(text) as Summary,
    () => undefined,
  );
  return judge(ending, summary);
}

/** Runs a command of node_modules/.bin or PATH in a process group of its own, output to a file or straight to ours. */
async function run(
  root: string,
  [command = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
  limitMs: number,
  signal: AbortSignal,
  outputFile?: string,
): Promise<Ending> {
  const output = outputFile === undefined ? undefined : await open(outputFile, 'w');
  const child = spawn(command, args, {
    cwd: root,
    env: {
      // A start of one of our programs takes half as much of the processor where compiled code is kept.
      NODE_COMPILE_CACHE: path.join(root, 'node_modules', '.cache', 'compile'),
      ...process.env,
      // Colours only on a terminal; mocha would also print them where it finds a CI variable.
      ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
      ...env,
      PATH: `${path.join(root, 'node_modules', '.bin')}${path.delimiter}${process.env['PATH']}`,
    },
    stdio: ['ignore', output?.fd ?? 'inherit', output?.fd ?? 'inherit'],
    detached: true,
  });
  await output?.close();
  let overLimit = false;
  const endGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The group is gone already, which is what was wanted.
    }
  };
  const timer = setTimeout(() => {
    overLimit = true;
    endGroup();
  }, limitMs);
  signal.addEventListener('abort', endGroup);
  return new Promise((resolve) => {
    const finish = (exitCode: number | null, ended: NodeJS.Signals | null): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', endGroup);
      resolve({ exitCode, signal: ended, ...(overLimit && { limitMs }) });
    };
    child.on('error', (error) => {
      console.error(`Could not run ${command}: ${error.message}`);
      finish(127, null);
    });
    child.on('exit', finish);
  });
}
