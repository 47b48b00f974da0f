import { InvalidArgumentError } from 'commander';
import { type ApplyOptions, applyFleet } from '#provision/apply/apply.ts';
import { type Fleet, openFleet, UnknownMachine } from '#provision/apply/fleet.ts';
import type { Failure, Outcome } from '#provision/apply/outcome.ts';
import { CliError, exitCodes, usageError } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { duration } from './format.ts';
import { inventoryOf, ROOT } from './inventory-option.ts';
import type { PlanOutput } from './plan-output.ts';

/** Opens the fleet of an inventory for work; what goes on is shown to somebody who watches. */
export async function fleetOf(dir: string, context: CliContext): Promise<Fleet> {
  const { settings, clock, signal, out } = context;
  const startedAt = clock.now();
  try {
    return await openFleet({
      inventory: inventoryOf(dir),
      root: ROOT,
      stateDir: settings.stateDir,
      clock,
      signal,
      onProgress: ({ machine, text, waits }) => {
        const elapsed = duration(clock.now() - startedAt).padStart(8);
        const line = `${out.noteStyle('dim', elapsed)}  ${machine}: ${text}`;
        if (waits) out.note(line);
        else out.progress(line);
      },
    });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'YamlError') throw error;
    throw new CliError(`${error.message}.`, 'It is made with the image: run `olympus lab up`.', {
      cause: error,
    });
  }
}

/** Lets a wrong machine name be a wrong call. */
export async function namingMachines<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UnknownMachine)) throw error;
    throw usageError(error.message, `It has ${error.known.join(', ')}.`);
  }
}

/** Collects an option that may be given several times. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  if (/^[a-z][a-z0-9-]*$/.test(value)) return [...before, value];
  throw new InvalidArgumentError('Write the name of a machine.');
}

/** What `plan` and `apply` share: does it or shows it, tells each step, and ends with 1 when a machine failed. */
export async function applyAndTell(
  context: CliContext,
  dir: string,
  options: ApplyOptions,
  json: boolean,
): Promise<void> {
  const fleet = await fleetOf(dir, context);
  const outcomes = await namingMachines(() => applyFleet(fleet, options));
  if (json) context.out.json(outcomesAsJson(outcomes));
  else printSteps(outcomes, context);
  if (explainFailures(outcomes, context)) context.exitWith(exitCodes.failed);
}

/** The same for scripts: whether anything was to be done, what, and what went wrong. */
export function outcomesAsJson(outcomes: readonly Outcome[]): PlanOutput {
  return {
    changed: outcomes.some(({ steps }) => steps.length > 0),
    steps: outcomes.flatMap(({ machine, steps }) =>
      steps.map(({ kind, effect, detail }) => ({ machine, kind, effect, detail })),
    ),
    changes: outcomes.flatMap(({ machine, changes }) => changes.map((change) => ({ machine, ...change }))),
    notes: outcomes.flatMap(({ notes }) => notes),
    failures: outcomes.flatMap(({ machine, failure }) =>
      failure ? [{ machine, ...failure, console: [...failure.console] }] : [],
    ),
  };
}

/** Prints what is to be done to each machine. */
function printSteps(outcomes: readonly Outcome[], { out }: CliContext): void {
  for (const { machine, host, steps, notes, failure } of outcomes) {
    if (failure) continue;
    out.print(`${out.style('bold', machine)} on ${host}${steps.length === 0 ? ': as it should be' : ''}`);
    for (const { kind, effect, detail } of steps) {
      const style = effect === 'replace' ? 'red' : effect === 'restart' ? 'yellow' : 'green';
      out.print(`  ${kind.padEnd(12)} ${out.style(style, effect.padEnd(9))} ${detail}`);
    }
    for (const note of notes) out.print(`  ${out.style('yellow', '!')} ${note}`);
  }
}

/** Says what went wrong with each machine, on standard error; whether anything did. */
export function explainFailures(
  failed: readonly { readonly machine: string; readonly failure?: Failure }[],
  { out }: CliContext,
): boolean {
  let any = false;
  for (const { machine, failure } of failed) {
    if (!failure) continue;
    any = true;
    out.note(`${out.noteStyle('red', 'olympus:')} ${failure.message} ${failure.remedy}`);
    if (failure.console.length === 0) continue;
    out.note(`  The last lines of the console of ${machine}:`);
    for (const line of failure.console) out.note(`  | ${line}`);
  }
  return any;
}
