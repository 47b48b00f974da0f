import type { Output } from '../output.ts';

/** One thing that was looked at. `what` is what was found, `remedy` what to do about it when it is not ok. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly what: string;
  readonly remedy?: string;
}

/** A check that found what it should. */
export function passed(name: string, what: string): Check {
  return { name, ok: true, what };
}

/** A check that did not, and what to do. */
export function failed(name: string, what: string, remedy: string): Check {
  return { name, ok: false, what, remedy };
}

/** Prints a line for each check, and below a failed one what to do. */
export function printChecks(checks: readonly Check[], out: Output): void {
  const width = Math.max(0, ...checks.map((check) => check.name.length));
  for (const { name, ok, what, remedy } of checks) {
    const sign = ok ? out.style('green', '✓') : out.style('red', '✗');
    const indent = ' '.repeat(width + 4);
    out.print(`${sign} ${name.padEnd(width)}  ${what.replaceAll('\n', `\n${indent}`)}`);
    if (remedy) out.print(`${indent}${out.style('yellow', '→')} ${remedy}`);
  }
}
