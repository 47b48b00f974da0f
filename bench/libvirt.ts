import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { connect } from '../packages/node-libvirt/src/index.ts';
import { Daemon } from '../packages/node-libvirt/test/support/daemon.ts';
import { round, summarize } from './statistics.ts';

const HELP = `Usage: npm run bench:libvirt [-- --json] [-- --calls 500]

Asks a libvirtd of its own (test:///default, 21 domains) for its domains and for their statistics: by node-libvirt on an
open connection, and by a virsh of its own for each call, by turns in the same run.

  --calls <n>  calls of node-libvirt; a tenth of it of virsh (default: 500)
  --json       print one JSON value`;

const DOMAINS = 20;
const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '500' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) console.log(HELP);
else print(await compare(Number(values.calls)));

interface Row {
  readonly what: string;
  readonly ours: number;
  readonly virsh: number;
  readonly 'virsh ÷ ours': number;
}

/** Milliseconds at p50. */
async function compare(calls: number): Promise<Row[]> {
  await using daemon = await Daemon.start();
  const uri = daemon.uri('test:///default');
  await using host = await connect(uri);
  for (let index = 0; index < DOMAINS; index += 1) {
    await host.domains.define(
      `<domain type='test'><name>d${index}</name><memory>65536</memory><os><type>hvm</type></os></domain>`,
    );
  }
  const virsh = (command: string): Promise<unknown> =>
    promisify(execFile)('virsh', ['--quiet', '--connect', uri, ...command.split(' ')], { env: process.env });
  const rows: Row[] = [];
  for (const [what, ours, command] of [
    ['list all', () => host.domains.list(), 'list --all'],
    ['statistics of all', () => host.guests.stats(['state', 'memory', 'vcpu']), 'domstats'],
  ] as const) {
    const mine: number[] = [];
    const theirs: number[] = [];
    for (let index = 0; index < calls; index += 1) {
      mine.push(await timed(ours));
      if (index % 10 === 0) theirs.push(await timed(() => virsh(command)));
    }
    const [a, b] = [summarize(mine).p50, summarize(theirs).p50];
    rows.push({ what, ours: round(a), virsh: round(b), 'virsh ÷ ours': Math.round(b / a) });
  }
  return rows;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function print(rows: readonly Row[]): void {
  if (values.json) console.log(JSON.stringify(rows, undefined, 2));
  else console.table(rows);
}
