import { parseArgs } from 'node:util';
import { Lifecycle } from '#lib/lifecycle.ts';
import { runProgram } from '#lib/lifecycle-program.ts';
import { createLogger } from '#lib/log.ts';
import { createSdNotifier } from '#lib/sd-notify.ts';
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
      const { url, adminUrl } = standin;
      process.stdout.write(`${JSON.stringify({ url, adminUrl })}\n`);
    },
    async stop() {
      await standin?.close();
    },
    health: () => ({ live: true, ready: standin !== undefined }),
  };
  const log = createLogger({ name: 'harness-standin', destination: process.stderr });
  const lifecycle = new Lifecycle([part], log);
  await runProgram({ lifecycle, log, notify: createSdNotifier({}), stopTimeoutMs: 5_000 });
}
