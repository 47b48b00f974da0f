import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** The part of a writable stream that is used here. */
export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Where a command writes: answers to standard output, everything else to standard error. */
export interface Output {
  /** Columns of the screen; without end when the answer goes into a pipe or a file. */
  readonly width: number;
  /** A line of the answer. */
  print(line?: string): void;
  /** The whole answer as one JSON value. */
  json(value: unknown): void;
  /** Something the person should know that is not the answer. */
  note(line: string): void;
  /** What is going on meanwhile; only shown to somebody who watches. */
  progress(line: string): void;
  /** Colours for the answer; plain text where nobody would see them. */
  style(style: Style, text: string): string;
  /** The same for notes and progress. */
  noteStyle(style: Style, text: string): string;
}

/** `plain` turns colours off even on a terminal. */
export function createOutput(stdout: Screen, stderr: Screen, plain: boolean): Output {
  const styler =
    (screen: Screen) =>
    (style: Style, text: string): string =>
      screen.isTTY && !plain ? styleText(style, text, { validateStream: false }) : text;
  return {
    width: stdout.isTTY ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY,
    print: (line = '') => void stdout.write(`${line}\n`),
    json: (value) => void stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    progress: (line) => {
      if (stderr.isTTY) stderr.write(`${line}\n`);
    },
    style: styler(stdout),
    noteStyle: styler(stderr),
  };
}
