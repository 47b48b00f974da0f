/** The oldest nats-server that Olympus runs on: major, minor. Per-agent accounts are proven on it. */
export const NATS_SERVER_MINIMUM: readonly [number, number] = [2, 15];

/** Debian suites that carry a new enough nats-server, in the order they are tried. */
export const NATS_SERVER_SUITES: readonly string[] = ['forky', 'sid'];

/** The OpenClaw release that Olympus is tested with; `openclaw/package-lock.json` pins its dependencies. */
export const OPENCLAW_VERSION = '2026.9.6';
