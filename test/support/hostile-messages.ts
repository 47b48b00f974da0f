import type { Random } from './chaos/random.ts';

/** What nobody expects in a field. */
const JUNK: readonly unknown[] = [
  null,
  '',
  -1,
  0.5,
  1e308,
  true,
  [],
  {},
  '\u0000',
  '../../etc/passwd',
  '*.>',
  'x'.repeat(5000),
  '9999-12-31T23:59:59.999Z',
  { __proto__: { admin: true } },
  [[[[[[]]]]]],
];

/** A body that follows from `random`: bytes of any kind, a piece of a message, or one in which fields were changed. */
export function hostileBody(random: Random, message: object): Buffer {
  const text = JSON.stringify(message);
  const dice = random.next();
  if (dice < 0.25)
    return Buffer.from(Array.from({ length: random.whole(0, 200) }, () => random.whole(0, 256)));
  if (dice < 0.4) return Buffer.from(text.slice(0, random.whole(0, text.length)));
  if (dice < 0.45) return Buffer.from('['.repeat(random.whole(1, 50_000)));
  const changed = JSON.parse(text) as Record<string, unknown>;
  for (let change = random.whole(1, 4); change > 0; change--) changeOne(random, changed);
  return Buffer.from(JSON.stringify(changed));
}

/** Takes a field out, or puts something else into it, at any depth. */
function changeOne(random: Random, object: Record<string, unknown>): void {
  const key = random.pick(Object.keys(object).length > 0 ? Object.keys(object) : ['empty']);
  const value = object[key];
  if (isRecord(value) && random.next() < 0.8) changeOne(random, value);
  else if (random.next() < 0.3) delete object[key];
  else object[key] = random.pick(JUNK);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
