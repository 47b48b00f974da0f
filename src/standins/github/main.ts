import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { portOf, runAnnouncing } from '#lib/announcing-program.ts';
import { GithubStandin } from './server.ts';

const { values } = parseArgs({
  options: {
    host: { type: 'string' },
    port: { type: 'string' },
    'admin-port': { type: 'string' },
    seed: { type: 'string' },
  },
});

const standin = new GithubStandin({
  host: values.host ?? '127.0.0.1',
  port: portOf('--port', values.port),
  adminPort: portOf('--admin-port', values['admin-port']),
  ...(values.seed === undefined ? {} : { seed: JSON.parse(readFileSync(values.seed, 'utf8')) }),
});

await runAnnouncing(
  standin,
  () => ({ url: standin.url, adminUrl: standin.adminUrl, seeded: standin.seeded }),
  process.env,
);
