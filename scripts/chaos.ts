import path from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '#core/errors.ts';
import { type ChaosProgress, type ChaosReport, runChaos } from '../test/support/chaos/chaos.ts';
import { type MutationName, mutatedCopy, mutationNames, mutations } from '../test/support/chaos/mutations.ts';
import { allFaultKinds, type FaultKind, faultKinds } from '../test/support/chaos/plan.ts';
import { type TempDir, tempDir } from '../test/support/temp-dir.ts';

const HELP = `Usage: npm run chaos -- [--tasks <n>] [--seed <n>] [--agents <n>] [--minutes <n>] [--only <kind>]… [--hold <s>] [--strict] [--json]

Runs control, daemons and nats-server as processes with a scripted harness outside of them, asks for tasks, does to the
fleet what the seed says, lets it heal, and checks: no task lost, no effect twice, each task in one end, the audit whole,
nothing left over. What failed keeps its state and logs, and says how to run it again.

  --tasks <n>     how many tasks are asked for (200)
  --seed <n>      the same seed does the same in the same order (1)
  --agents <n>    how many agents (3)
  --minutes <n>   begins no fault after this long; each kind happens once at least (60)
  --only <kind>   only faults of this kind; may be repeated
  --hold <s>      how many seconds each fault lasts, instead of as long as the seed says
  --strict        fails when a kind of fault cannot happen here: without root, or without libfaketime
  --mutation <name>  breaks one promise in a copy of the code, with what shows it instead of the options above;
                  it has to end with exit code 1
  --json          one line of JSON instead of text, with the faults that happened and the command that does it again

Kinds of faults:
${Object.entries(faultKinds)
  .map(([kind, words]) => `  ${kind.padEnd(18)} ${words}`)
  .join('\n')}

Mutations:
${mutationNames.map((name) => `  ${name.padEnd(18)} ${mutations[name].words}`).join('\n')}

Exit code: 0 when everything was as promised, 1 when not, 2 for wrong arguments.`;

const ROOT = path.resolve(import.meta.dirname, '..');
/** More than these say no more. */
const SHOWN_VIOLATIONS = 20;

await main();

async function main(): Promise<void> {
  const options = readArguments();
  if (!options) return;
  try {
    await run(options);
  } catch (error) {
    // Says how to run it again.
    const message = messageOf(error);
    if (options.json) console.log(JSON.stringify({ error: message }));
    console.error(message);
    process.exitCode = 1;
  }
}

async function run(options: Arguments): Promise<void> {
  const { json, ...chosen } = options;
  await using copy = chosen.mutation ? await copyWith(chosen.mutation) : undefined;
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const onTerminal = process.stderr.isTTY && !json;
  const report = await runChaos({
    ...chosen,
    root: copy?.path ?? ROOT,
    signal: interrupted.signal,
    ...(onTerminal ? { onProgress: showProgress } : {}),
  });
  if (onTerminal) process.stderr.write('\r\u001b[K');
  console.log(json ? JSON.stringify(report) : inWords(report));
  process.exitCode = report.violations.length > 0 ? 1 : 0;
}

type Arguments = NonNullable<ReturnType<typeof readArguments>>;

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        tasks: { type: 'string', default: '200' },
        seed: { type: 'string', default: '1' },
        agents: { type: 'string', default: '3' },
        minutes: { type: 'string', default: '60' },
        mutation: { type: 'string' },
        hold: { type: 'string' },
        only: { type: 'string', multiple: true },
        strict: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      return undefined;
    }
    const limitMs = numberAbove0('--minutes', values.minutes) * 60_000;
    if (values.mutation !== undefined) {
      // One round of its faults, which is what shows it.
      const mutation = mutationOf(values.mutation);
      return { ...mutations[mutation], inOrder: true, mutation, limitMs: 1, strict: true, json: values.json };
    }
    return {
      tasks: wholeNumber('--tasks', values.tasks),
      seed: wholeNumber('--seed', values.seed),
      agents: wholeNumber('--agents', values.agents),
      limitMs,
      holdMs: values.hold === undefined ? undefined : 1000 * numberAbove0('--hold', values.hold),
      kinds: values.only ? values.only.map(kindOf) : allFaultKinds,
      strict: values.strict,
      json: values.json,
      mutation: undefined,
    };
  } catch (error) {
    console.error(`${messageOf(error)}\nSee: npm run chaos -- --help`);
    process.exitCode = 2;
    return undefined;
  }
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${option} ${text}: write a whole number above 0`);
}

function numberAbove0(option: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`${option} ${text}: write a number above 0`);
}

function kindOf(name: string): FaultKind {
  const kind = allFaultKinds.find((each) => each === name);
  if (kind) return kind;
  throw new Error(`--only ${name}: there is no such kind of fault`);
}

function mutationOf(name: string): MutationName {
  const mutation = mutationNames.find((each) => each === name);
  if (mutation) return mutation;
  throw new Error(`--mutation ${name}: there is no such mutation`);
}

async function copyWith(mutation: MutationName): Promise<TempDir> {
  const copy = await tempDir('mutation');
  await mutatedCopy(ROOT, copy.path, mutation);
  return copy;
}

function showProgress({ asked, ended, faults, doing }: ChaosProgress): void {
  process.stderr.write(`\r\u001b[K${asked} asked, ${ended} ended, ${faults} faults; ${doing}`);
}

function inWords(report: ChaosReport): string {
  const list = (counts: object): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  const { violations } = report;
  const lines = [
    `${report.tasks} tasks (and ${report.duplicates} asked again), ${report.runs} runs, ${report.effects} effects in ${report.seconds} s`,
    `ends: ${list(report.ends)}`,
    `faults: ${list(report.faults)}`,
    ...Object.entries(report.leftOut).map(([kind, reason]) => `left out: ${kind}: ${reason}`),
    ...violations.slice(0, SHOWN_VIOLATIONS).map((sentence) => `VIOLATED: ${sentence}`),
  ];
  if (violations.length === 0) return [...lines, 'everything was as promised'].join('\n');
  const more = violations.length - SHOWN_VIOLATIONS;
  return [
    ...lines,
    ...(more > 0 ? [`and ${more} more like these`] : []),
    `state and logs: ${report.kept}`,
    `again: ${report.replay}`,
  ].join('\n');
}
