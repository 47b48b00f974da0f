import { CliError, usageError } from './cli-error.ts';

const WHOLE_LENGTH = 36;
const SHORTEST_PREFIX = 8;
/** Ids begin with the time in milliseconds, which ends here: shorter ones name a minute, not a thing. */
const SHORT_LENGTH = 13;

/** What ids name, in words, and where the newest come from. */
export interface Named {
  readonly one: string;
  readonly many: string;
  /** A sentence that says where they are listed. */
  readonly list: string;
  readonly newest: () => Promise<readonly string[]>;
  /** How many of them `newest` brings at most. */
  readonly limit: number;
}

/** The ids cut to one length at which they differ from one another. */
export function shortIds(ids: readonly string[]): string[] {
  let length = SHORT_LENGTH;
  const differ = (): boolean => new Set(ids.map((id) => id.slice(0, length))).size === new Set(ids).size;
  while (length < WHOLE_LENGTH && !differ()) length += 1;
  return ids.map((id) => id.slice(0, length));
}

/** The whole id that `given` is, or is the beginning of where no other recent one shares it. */
export async function completeId(given: string, named: Named): Promise<string> {
  const { one, many, list } = named;
  const prefix = given.toLowerCase();
  if (prefix.length >= WHOLE_LENGTH) return prefix;
  if (prefix.length < SHORTEST_PREFIX) {
    throw usageError(
      `"${given}" is too short for the id of ${withArticle(one)}.`,
      `Give at least ${SHORTEST_PREFIX} characters of it; ${list}`,
    );
  }
  const newest = await named.newest();
  const matches = newest.filter((id) => id.startsWith(prefix));
  const [only, ...others] = matches;
  if (only === undefined) {
    const older = newest.length === named.limit;
    const which = older ? `None of the newest ${named.limit} ${many} begins` : `No ${one} begins`;
    throw new CliError(`${which} with ${prefix}.`, older ? 'For an older one give the whole id.' : list);
  }
  if (others.length === 0) return only;
  const shown = matches.slice(0, 5).join(', ');
  const more = matches.length > 5 ? ` and ${matches.length - 5} more` : '';
  throw usageError(
    `${matches.length} ${many} begin with ${prefix}: ${shown}${more}.`,
    'Give more characters of the one you mean.',
  );
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}
