import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const HELP = `Usage: npm run e2e:cycles -- [--count 20] [--agents athena]

Brings a lab up, mentions its first agent and takes the lab down, again and again, each time in a new state
directory. Prints one line a round, and at the end how many rounds went well. Exit code 1 when one did not.
It needs root and nearly ten minutes a round where machines are emulated.

  --count <n>        how many rounds (default: 20)
  --agents <names>   which agents of inventory/lab (default: athena)`;

const OLYMPUS = path.resolve(import.meta.dirname, '../olympus');

/** What went wrong in a round, and after how long it was over. */
interface Round {
  readonly upSeconds: number;
  readonly answerSeconds: number;
  readonly downSeconds: number;
  readonly problem?: string;
}

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20' },
    agents: { type: 'string', default: 'athena' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) console.log(HELP);
else process.exitCode = (await main(Number(values.count), values.agents)) ? 0 : 1;

async function main(count: number, agents: string): Promise<boolean> {
  if (!Number.isInteger(count) || count < 1) throw new Error('--count needs a number of rounds, such as 20');
  let well = 0;
  for (let number = 1; number <= count; number += 1) {
    const round = await cycle(agents);
    const times = `up ${round.upSeconds} s, answer ${round.answerSeconds} s, down ${round.downSeconds} s`;
    console.log(`round ${number}: ${round.problem ?? 'well'} (${times})`);
    if (round.problem === undefined) well += 1;
  }
  console.log(`${well} of ${count} rounds went well`);
  return well === count;
}

async function cycle(agents: string): Promise<Round> {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'olympus-cycle-'));
  const up = await olympus(stateDir, ['lab', 'up', '--agents', agents]);
  const [first] = agents.split(',');
  const answer =
    up.code === 0
      ? await olympus(stateDir, ['say', '--timeout', '600', `@${first} hello`])
      : { code: 0, seconds: 0, output: '' };
  const down = await olympus(stateDir, ['lab', 'down', '--yes']);
  rmSync(stateDir, { recursive: true, force: true });
  const failed = Object.entries({ up, answer, down }).find(([, { code }]) => code !== 0);
  return {
    upSeconds: up.seconds,
    answerSeconds: answer.seconds,
    downSeconds: down.seconds,
    ...(failed ? { problem: `${failed[0]} failed: ${failed[1].output.trim().split('\n').at(-1)}` } : {}),
  };
}

async function olympus(stateDir: string, args: readonly string[]) {
  const startedAt = performance.now();
  const child = spawn(OLYMPUS, args, {
    env: { ...process.env, OLYMPUS_STATE_DIR: stateDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const { promise, resolve } = Promise.withResolvers<number>();
  child.on('close', (code) => resolve(code ?? 1));
  const code = await promise;
  return { code, output, seconds: Math.round((performance.now() - startedAt) / 1000) };
}
