import type { Output } from '../output.ts';

/** One thing that was looked at. `what` is what was found, `remedy` what to do about it when it is not ok. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** It is ok, but somebody should know. */
  readonly warning?: true;
  readonly what: string;
  readonly remedy?: string;
}

/** What a group of checks found. */
export interface Findings {
  readonly checks: readonly Check[];
  /** What could not be looked at because of what failed before it. */
  readonly notChecked: readonly string[];
}

/** A check that found what it should. */
export function passed(name: string, what: string): Check {
  return { name, ok: true, what };
}

/** A check that did not, and what to do. */
export function failed(name: string, what: string, remedy: string): Check {
  return { name, ok: false, what, remedy };
}

/** A check that found something that works, but not as well as it could; `remedy` says how it would. */
export function warned(name: string, what: string, remedy: string): Check {
  return { name, ok: true, warning: true, what, remedy };
}

/** Prints a line for each check, and below a failed one what to do. */
export function printChecks(checks: readonly Check[], out: Output): void {
  const width = Math.max(0, ...checks.map((check) => check.name.length));
  for (const { name, ok, warning, what, remedy } of checks) {
    const good = warning ? out.style('yellow', '!') : out.style('green', '✓');
    const sign = ok ? good : out.style('red', '✗');
    const indent = ' '.repeat(width + 4);
    out.print(`${sign} ${name.padEnd(width)}  ${what.replaceAll('\n', `\n${indent}`)}`);
    if (remedy) out.print(`${indent}${out.style('yellow', '→')} ${remedy}`);
  }
}
