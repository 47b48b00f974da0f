import { parseArgs } from 'node:util';
import { runAnnouncing } from '#lib/announcing-program.ts';
import { createHarnessStandin, type HarnessStandin } from './server.ts';

const usage = `Usage: node src/standins/harness/main.ts --effects <file> [--port <n>] [--admin-port <n>]

A scripted harness on 127.0.0.1, for daemons with OLYMPUS_HARNESS=scripted: turns that no model is asked about.
Writes a line into <file> each time that a turn has its effect. Prints one line of JSON, {"url","adminUrl"}, when it
listens; its log goes to standard error.
`;

const { values } = parseArgs({
  options: {
    effects: { type: 'string' },
    port: { type: 'string', default: '0' },
    'admin-port': { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

const { effects: effectsFile } = values;
if (values.help) {
  process.stdout.write(usage);
} else if (effectsFile === undefined) {
  process.stderr.write(`--effects is missing: name the file that counts the effects.\n${usage}`);
  process.exitCode = 2;
} else {
  let standin: HarnessStandin | undefined;
  const part = {
    name: 'harness-standin',
    async start() {
      standin = await createHarnessStandin({
        effectsFile,
        port: Number(values.port),
        adminPort: Number(values['admin-port']),
      });
    },
    async stop() {
      await standin?.close();
    },
    health: () => ({ live: true, ready: standin !== undefined }),
  };
  await runAnnouncing(part, () => ({ url: standin?.url, adminUrl: standin?.adminUrl }), {});
}
