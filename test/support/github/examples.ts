import { readFileSync } from 'node:fs';

interface Example {
  readonly name: string;
  readonly examples: readonly Payload[];
}

type Payload = Readonly<Record<string, unknown>>;

const FILE = new URL(import.meta.resolve('@octokit/webhooks-examples/api.github.com/index.json'));

let examples: readonly Example[] | undefined;

/**
 * The fields that every collected example of this event and action has, and that the payload has not; of the event alone,
 * where nobody collected one with this action.
 */
export function missingKeys(event: string, payload: Payload): string[] {
  examples ??= JSON.parse(readFileSync(FILE, 'utf8')) as readonly Example[];
  const all = examples.find(({ name }) => name === event)?.examples ?? [];
  const alike = all.filter(({ action }) => action === payload['action']);
  const [first, ...others] = (alike.length > 0 ? alike : all).map((example) => keysOf(example));
  if (!first) return [`there is no example of ${event}`];
  const always = [...first].filter((key) => others.every((keys) => keys.has(key)));
  const missing = always.filter((key) => !has(payload, key.split('.')));
  return missing.map((key) => `${event}.${payload['action'] ?? ''} has no ${key}`);
}

/** What is below a field that is null or an empty list here cannot be compared. */
function has(value: unknown, [key, ...below]: readonly string[]): boolean {
  if (key === undefined || value === null) return true;
  if (Array.isArray(value)) return value.every((item) => has(item, [key, ...below]));
  return typeof value === 'object' && key in value && has((value as Payload)[key], below);
}

/** `issue.user.login` for every field of objects, also of those in lists: `issue.labels.name`. */
function keysOf(value: unknown, path = ''): Set<string> {
  if (Array.isArray(value)) return new Set([path, ...value.flatMap((item) => [...keysOf(item, path)])]);
  if (typeof value !== 'object' || value === null) return new Set(path === '' ? [] : [path]);
  const below = Object.entries(value).flatMap(([key, item]) => [
    ...keysOf(item, path === '' ? key : `${path}.${key}`),
  ]);
  return new Set(path === '' ? below : [path, ...below]);
}
