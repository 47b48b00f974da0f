import { isDeepStrictEqual } from 'node:util';

/** A setting of a stream, bucket or consumer that is not as it is specified. */
export interface Drift {
  readonly of: string;
  readonly field: string;
  readonly wanted: unknown;
  readonly found: unknown;
  /** What the server said when it was asked to put it right. */
  readonly why?: string | undefined;
}

/**
 * Where `found`, as the server tells it, is not `wanted`. What is not wanted at all may be absent or empty and nothing
 * else: a setting that this code does not know shows as well.
 */
export function driftOf(of: string, wanted: object, found: object): Drift[] {
  const [asked, told] = [settingsOf(wanted), settingsOf(found)];
  const fields = new Set([...asked.keys(), ...told.keys()]);
  return [...fields]
    .filter((field) => !isDeepStrictEqual(asked.get(field), told.get(field)))
    .map((field) => ({ of, field, wanted: asked.get(field), found: told.get(field) }));
}

/** For a log and a health report, with what a person can do. */
export function describeDrift(drifts: readonly Drift[]): string {
  const list = drifts.map(
    ({ of, field, wanted, found, why }) =>
      `${of}: ${field} is ${shown(found)}, not ${shown(wanted)}${why ? ` (${why})` : ''}`,
  );
  return `somebody has changed what the server does not change back: ${list.join('; ')}. What is deleted is made anew, empty`;
}

/** What is set; the server leaves out some of what is empty, and writes names of its own into the metadata. */
function settingsOf(config: object): Map<string, unknown> {
  const settings = new Map<string, unknown>();
  for (const [field, value] of Object.entries(config)) {
    const own = field === 'metadata' ? withoutServers(value as object) : value;
    if (!isEmpty(own)) settings.set(field, own);
  }
  return settings;
}

function withoutServers(metadata: object | undefined): object {
  return Object.fromEntries(Object.entries(metadata ?? {}).filter(([name]) => !name.startsWith('_nats.')));
}

/** As the server understands it: `none` and `default` are what a policy is that nobody has set. */
function isEmpty(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return EMPTY.has(value);
  return Object.keys(value).length === 0;
}

/** What the server shows as the end of a pause that was taken back. */
const RESUMED = '1970-01-01T00:00:00Z';

const EMPTY = new Set<unknown>([undefined, null, false, 0, '', 'none', 'default', RESUMED]);

function shown(value: unknown): string {
  return value === undefined ? 'unset' : JSON.stringify(value);
}
