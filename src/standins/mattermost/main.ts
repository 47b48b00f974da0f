import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { portOf, runAnnouncing } from '#lib/announcing-program.ts';
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

const standin = new StandinPart({
  host: values.host ?? process.env['MATTERMOST_STANDIN_HOST'] ?? '127.0.0.1',
  port: portOf('--port', values.port ?? process.env['MATTERMOST_STANDIN_PORT']),
  adminPort: portOf('--admin-port', values['admin-port'] ?? process.env['MATTERMOST_STANDIN_ADMIN_PORT']),
  ...seedOf(values.seed ?? process.env['MATTERMOST_STANDIN_SEED']),
  ...(values['allow-internal'] === undefined ? {} : { allowedInternal: values['allow-internal'] }),
  ...(values.state === undefined ? {} : { stateFile: values.state }),
});

await runAnnouncing(standin, () => ({ url: standin.url, adminUrl: standin.adminUrl }), process.env);

function seedOf(file: string | undefined): { seed?: unknown } {
  return file === undefined ? {} : { seed: JSON.parse(readFileSync(file, 'utf8')) };
}
