import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const HELP = `Usage: npm run e2e:cycles -- [--count 20] [--agents athena] [--record <file>]

Brings a lab up, mentions its first agent and takes the lab down, again and again, each time in a new state
directory. Prints one line a round, and at the end how many rounds went well. Exit code 1 when one did not.
It needs root and nearly ten minutes a round where machines are emulated.

  --count <n>        how many rounds (default: 20)
  --agents <names>   which agents of inventory/lab (default: athena)
  --record <file>    append each round to this file, one JSON object a line; rounds it already holds are not run
                     again, so that an interrupted row goes on`;

const ROOT = path.resolve(import.meta.dirname, '..');
const OLYMPUS = path.join(ROOT, 'olympus');

/** How long each part of a round took, and what went wrong. */
interface Round {
  readonly endedAt: string;
  /** The commit that was checked out. */
  readonly revision: string;
  readonly upSeconds: number;
  readonly answerSeconds: number;
  readonly downSeconds: number;
  readonly problem?: string;
}

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20' },
    agents: { type: 'string', default: 'athena' },
    record: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) console.log(HELP);
else process.exitCode = (await main(Number(values.count), values.agents, values.record)) ? 0 : 1;

async function main(count: number, agents: string, record: string | undefined): Promise<boolean> {
  if (!Number.isInteger(count) || count < 1) throw new Error('--count needs a number of rounds, such as 20');
  const rounds = record === undefined ? [] : recorded(record);
  for (const [index, round] of rounds.entries()) print(index + 1, round);
  while (rounds.length < count) {
    const round = await cycle(agents);
    rounds.push(round);
    if (record !== undefined) appendFileSync(record, `${JSON.stringify(round)}\n`);
    print(rounds.length, round);
  }
  const well = rounds.filter(({ problem }) => problem === undefined).length;
  console.log(`${well} of ${rounds.length} rounds went well`);
  return well === rounds.length;
}

function recorded(file: string): Round[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Round);
}

function print(
  number: number,
  { endedAt, upSeconds, answerSeconds, downSeconds, problem = 'well' }: Round,
): void {
  const times = `up ${upSeconds} s, answer ${answerSeconds} s, down ${downSeconds} s`;
  console.log(`${endedAt}, round ${number}: ${problem} (${times})`);
}

async function cycle(agents: string): Promise<Round> {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'olympus-cycle-'));
  const up = await olympus(stateDir, ['lab', 'up', '--agents', agents]);
  const [first] = agents.split(',');
  const answer =
    up.code === 0
      ? await olympus(stateDir, ['say', '--timeout', '600', `@${first} hello`])
      : { code: 0, seconds: 0, output: '' };
  // Taking the lab down takes its logs away.
  const kept = up.code === 0 && answer.code === 0 ? '' : keepLogs(stateDir);
  const down = await olympus(stateDir, ['lab', 'down', '--yes']);
  rmSync(stateDir, { recursive: true, force: true });
  const failed = Object.entries({ up, answer, down }).find(([, { code }]) => code !== 0);
  return {
    endedAt: new Date().toISOString(),
    revision: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim(),
    upSeconds: up.seconds,
    answerSeconds: answer.seconds,
    downSeconds: down.seconds,
    ...(failed
      ? {
          problem: `${failed[0]} failed, its logs are in ${kept || 'no file'}: ${lastLine(failed[1].output)}`,
        }
      : {}),
  };
}

function keepLogs(stateDir: string): string {
  const kept = mkdtempSync(path.join(tmpdir(), 'olympus-cycle-logs-'));
  cpSync(path.join(stateDir, 'logs'), kept, { recursive: true });
  return kept;
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? '';
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
