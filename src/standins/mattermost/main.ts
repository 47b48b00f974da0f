import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigError } from '#lib/config.ts';
import { Lifecycle, type Part } from '#lib/lifecycle.ts';
import { runProgram } from '#lib/lifecycle-program.ts';
import { createLogger } from '#lib/log.ts';
import { createSdNotifier } from '#lib/sd-notify.ts';
import { StandinPart } from './server.ts';

const { values } = parseArgs({
  options: {
    host: { type: 'string' },
    port: { type: 'string' },
    'admin-port': { type: 'string' },
    seed: { type: 'string' },
    state: { type: 'string' },
    'allow-internal': { type: 'string', multiple: true },
  },
});

// Standard output carries one line, the addresses; the log goes to standard error.
const log = createLogger({ name: 'mattermost-standin', destination: process.stderr });
const standin = new StandinPart({
  host: values.host ?? process.env['MATTERMOST_STANDIN_HOST'] ?? '127.0.0.1',
  port: portOf('--port', values.port ?? process.env['MATTERMOST_STANDIN_PORT']),
  adminPort: portOf('--admin-port', values['admin-port'] ?? process.env['MATTERMOST_STANDIN_ADMIN_PORT']),
  ...seedOf(values.seed ?? process.env['MATTERMOST_STANDIN_SEED']),
  ...(values['allow-internal'] === undefined ? {} : { allowedInternal: values['allow-internal'] }),
  ...(values.state === undefined ? {} : { stateFile: values.state }),
});
const announcement: Part = {
  name: 'announcement',
  start: async () => {
    process.stdout.write(`${JSON.stringify({ url: standin.url, adminUrl: standin.adminUrl })}\n`);
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

function seedOf(file: string | undefined): { seed?: unknown } {
  return file === undefined ? {} : { seed: JSON.parse(readFileSync(file, 'utf8')) };
}
