/** What a client may choose itself in the subjects of the cells; every other token of them is its own and no other. */
const CHOSEN = new Set(['task-create', 'approval', 'run1', 'claimed', 'security', 'task1', 'cancel', 'abc']);

/**
 * Subjects beside allowed ones, each wrong in one place: a token that may not be chosen, one more at the end, the last
 * one left out. Whatever token of a grant is made wider, one of these is let through. `chosen` may be chosen as well.
 */
export function neighboursOf(subjects: readonly string[], chosen: readonly string[] = []): string[] {
  return [
    ...new Set(subjects.flatMap((subject) => neighboursOfOne(subject, new Set([...CHOSEN, ...chosen])))),
  ];
}

function neighboursOfOne(subject: string, chosen: ReadonlySet<string>): string[] {
  const tokens = subject.split('.');
  // Any number of tokens may follow there: what an acknowledgement says in its own is not looked at.
  const open = /^(\$JS\.ACK|_INBOX_)/.test(subject);
  const isFixed = (token: string): boolean => !chosen.has(token) && !(open && /^\d+$/.test(token));
  const shorter = open ? tokens.slice(0, tokens.findLastIndex(isFixed) + 1) : tokens.slice(0, -1);
  return [
    ...tokens.flatMap((token, index) => (isFixed(token) ? [tokens.with(index, 'wrong').join('.')] : [])),
    ...(open ? [] : [`${subject}.more`]),
    shorter.join('.'),
  ];
}
