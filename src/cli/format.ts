import { stripVTControlCharacters } from 'node:util';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago, coarsely: `3 s`, `5 min`, `2 h`, `4 d`. */
export function age(ms: number): string {
  const past = Math.max(0, ms);
  if (past < MINUTE) return `${Math.floor(past / SECOND)} s`;
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min`;
  if (past < 2 * DAY) return `${Math.floor(past / HOUR)} h`;
  return `${Math.floor(past / DAY)} d`;
}

/** How long something took: `340 ms`, `3.2 s`, `2 min 5 s`, `1 h 3 min`. */
export function duration(ms: number): string {
  const spent = Math.max(0, Math.round(ms));
  if (spent < SECOND) return `${spent} ms`;
  if (spent < MINUTE) return `${(Math.floor(spent / 100) / 10).toFixed(1)} s`;
  if (spent < HOUR) return `${Math.floor(spent / MINUTE)} min ${Math.floor((spent % MINUTE) / SECOND)} s`;
  return `${Math.floor(spent / HOUR)} h ${Math.floor((spent % HOUR) / MINUTE)} min`;
}

/** `2026-01-31 12:00:00` in the time zone of this machine. */
export function localTime(iso: string): string {
  return new Date(iso).toLocaleString('sv-SE');
}

/** A count with separators: `12,345`. */
export function count(number: number): string {
  return number.toLocaleString('en-US');
}

/**
 * The text without anything that steers a terminal, line breaks and tabs apart. What others wrote goes through
 * this before it is shown: an escape sequence in a post must not write into the window title or over other lines.
 */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return stripVTControlCharacters(text).replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}

/** The text on one line, at most `width` columns wide; what was cut off shows as …. */
export function oneLine(text: string, width: number): string {
  const line = harmless(text).replaceAll(/\s+/g, ' ').trim();
  if (columnsOf(line) <= width) return line;
  let cut = '';
  let used = 0;
  for (const character of line) {
    used += columnsOf(character);
    if (used >= width) break;
    cut += character;
  }
  return `${cut.trimEnd()}…`;
}

const WIDE =
  /\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Emoji_Presentation}|[\uff01-\uff60]/gu;

/** How many columns of a terminal the text takes: East Asian characters and emoji take two. */
function columnsOf(text: string): number {
  return Array.from(text).length + (text.match(WIDE)?.length ?? 0);
}

/** Lines of aligned columns under a heading, for a screen `width` columns wide; the last column is cut to fit. */
export function table(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const all = [heading, ...rows];
  const last = heading.length - 1;
  const widths = heading.map((_, column) =>
    Math.max(...all.map((row) => columnsOf(oneLine(row[column] ?? '', Number.POSITIVE_INFINITY)))),
  );
  const before = widths.slice(0, last).reduce((sum, each) => sum + each + GAP.length, 0);
  const room = Math.max(MIN_LAST_COLUMN, width - before);
  return all.map((row) =>
    heading
      .map((_, column) => {
        const cell = oneLine(row[column] ?? '', column === last ? room : Number.POSITIVE_INFINITY);
        return column === last ? cell : cell + ' '.repeat((widths[column] ?? 0) - columnsOf(cell));
      })
      .join(GAP)
      .trimEnd(),
  );
}

const GAP = '  ';
const MIN_LAST_COLUMN = 20;
