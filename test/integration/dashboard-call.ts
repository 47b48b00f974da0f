import assert from 'node:assert/strict';
import type { CliCaller } from '#test/cli-call.ts';
import { waitFor } from '#test/wait.ts';

const URL_LINE = /^http:\/\/127\.0\.0\.1:(\d+)\/#bootstrapToken=\S+$/m;

const SOON_MS = 120_000;

/**
 * Starts `olympus dashboard` and resolves with the address that it prints, within `timeoutMs`; `close` is Ctrl-C. What
 * the command says instead is shown.
 */
export async function openDashboard(cli: CliCaller, args: readonly string[], timeoutMs = SOON_MS) {
  const { child, ended } = cli.start(['dashboard', '--no-open', ...args]);
  let [printed, over] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk;
  });
  void ended.then(({ stderr }) => {
    over = stderr;
  });
  const url = await waitFor('the address', () => URL_LINE.exec(printed)?.[0] ?? over, { timeoutMs });
  assert.match(url, URL_LINE);
  return {
    child,
    url,
    port: Number(new URL(url).port),
    ended,
    close: () => {
      child.kill('SIGINT');
      return ended;
    },
  };
}
