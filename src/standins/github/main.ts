import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigError } from '#lib/config.ts';
import { Lifecycle, type Part } from '#lib/lifecycle.ts';
import { runProgram } from '#lib/lifecycle-program.ts';
import { createLogger } from '#lib/log.ts';
import { createSdNotifier } from '#lib/sd-notify.ts';
import { GithubStandin } from './server.ts';

const { values } = parseArgs({
  options: {
    host: { type: 'string' },
    port: { type: 'string' },
    'admin-port': { type: 'string' },
    seed: { type: 'string' },
  },
});

// Standard output carries one line: the addresses, and what the seed made. The log goes to standard error.
const log = createLogger({ name: 'github-standin', destination: process.stderr });
const standin = new GithubStandin({
  host: values.host ?? '127.0.0.1',
  port: portOf('--port', values.port),
  adminPort: portOf('--admin-port', values['admin-port']),
  ...(values.seed === undefined ? {} : { seed: JSON.parse(readFileSync(values.seed, 'utf8')) }),
});
const announcement: Part = {
  name: 'announcement',
  start: async () => {
    const { url, adminUrl, seeded } = standin;
    process.stdout.write(`${JSON.stringify({ url, adminUrl, seeded })}\n`);
  },
  stop: async () => undefined,
  health: () => ({ live: true, ready: true }),
};

await runProgram({
  lifecycle: new Lifecycle([standin, announcement], log),
  log,
  notify: createSdNotifier(process.env),
  stopTimeoutMs: 5000,
});

function portOf(name: string, text: string | undefined): number {
  const port = Number(text ?? 0);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new ConfigError(`${name}=${text}: write a port number, or 0 for a free one`);
}
