import { streamsOf } from './streams.ts';

/** What the streams take, whatever the fleet: none has the name that shared subjects begin with. */
const TAKEN = streamsOf('*').flatMap(({ name, subjects }) =>
  subjects.map((filter) => ({ name, filter: filter.split('.') })),
);

/** The one stream that takes this subject; throws when it is for none. */
export function streamTaking(subject: string): string {
  const tokens = subject.split('.');
  const taking = TAKEN.find(({ filter }) => matches(filter, tokens));
  if (!taking) throw new Error(`no stream takes ${subject}`);
  return taking.name;
}

/** By the server's rules: `*` is one token, whatever it is, and `>` at the end is one or more. */
function matches(filter: readonly string[], tokens: readonly string[]): boolean {
  const open = filter.at(-1) === '>';
  if (open ? tokens.length < filter.length : tokens.length !== filter.length) return false;
  return filter.every((token, index) => token === '>' || token === '*' || token === tokens[index]);
}
