import { parseArgs } from 'node:util';
import { ensureNatsServer } from '#lab/tools/nats-server.ts';
import { ensureOpenclaw } from '#lab/tools/openclaw.ts';
import { cacheDirectory } from '#lib/config.ts';

const HELP = `Usage: node scripts/setup.ts [--json]

Brings what the tests and a local fleet need into the cache, and prints where each thing is.
Nothing is installed on the machine and no service is started. A second run takes milliseconds.

  --json   one JSON object a line: {"tool", "path", "seconds"} or {"tool", "error"}
  --help   this text

The cache is OLYMPUS_CACHE_DIR, else /var/cache/olympus as root, else ~/.cache/olympus.`;

const STEPS = [
  { tool: 'nats-server', ensure: ensureNatsServer },
  { tool: 'openclaw', ensure: ensureOpenclaw },
] as const;

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));
  for (const { tool, ensure } of STEPS) {
    const startedAt = performance.now();
    try {
      const onProgress = (sentence: string): void => {
        if (!values.json) console.log(`  ${sentence} …`);
      };
      const path = await ensure(cacheDirectory(process.env), interrupted.signal, onProgress);
      const seconds = Number(((performance.now() - startedAt) / 1000).toFixed(2));
      console.log(values.json ? JSON.stringify({ tool, path, seconds }) : `${tool}: ${path} (${seconds} s)`);
    } catch (error) {
      const sentence = error instanceof Error ? error.message : String(error);
      if (values.json) console.log(JSON.stringify({ tool, error: sentence }));
      else console.error(`${tool}: ${sentence}`);
      process.exitCode = 1;
      if (interrupted.signal.aborted) return;
    }
  }
}
