import { parseArgs } from 'node:util';
import { runAnnouncing } from '#lib/announcing-program.ts';
import { createModelStandin, type ModelStandin } from './server.ts';

const usage = `Usage: node src/standins/model/main.ts [--port <n>] [--admin-port <n>] [--key-file <path>] [--model <id>]…

A scripted model provider on 127.0.0.1: OpenAI chat completions and Anthropic messages.
Prints one line of JSON, {"url","adminUrl"}, when it listens; its log goes to standard error.
`;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'admin-port': { type: 'string', default: '0' },
    'key-file': { type: 'string' },
    model: { type: 'string', multiple: true },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(usage);
} else {
  let standin: ModelStandin | undefined;
  const part = {
    name: 'model-standin',
    async start() {
      standin = await createModelStandin({
        port: Number(values.port),
        adminPort: Number(values['admin-port']),
        ...(values['key-file'] === undefined ? {} : { keyFile: values['key-file'] }),
        ...(values.model ? { models: values.model } : {}),
      });
    },
    async stop() {
      await standin?.close();
    },
    health: () => ({ live: true, ready: standin !== undefined }),
  };
  await runAnnouncing(part, () => ({ url: standin?.url, adminUrl: standin?.adminUrl }), {});
}
