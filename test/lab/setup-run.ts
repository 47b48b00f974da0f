import path from 'node:path';
import { type Changes, runPlaybook } from '#lab/up/playbook.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const quiet = { phase: () => undefined, detail: () => undefined };

/** Runs ansible/setup.yml for the hub and athena of the lab in `stateDir`; how much changed, by host. */
export function runSetup(stateDir: string, logFile: string): Promise<Changes> {
  return runPlaybook({
    root: ROOT,
    playbook: 'ansible/setup.yml',
    inventory: 'inventory/lab',
    limit: ['hypervisors', 'hub', 'athena'],
    stateDir,
    env: process.env,
    logFile,
    report: quiet,
    signal: new AbortController().signal,
  });
}

/** `<host>: <task>` of everything that a run of a playbook changed, from its log. */
export function changesIn(log: string): string[] {
  let task = '';
  const changes: string[] = [];
  for (const line of log.split('\n')) {
    task = /^(?:TASK|RUNNING HANDLER) \[(.*?)\] ?\**$/.exec(line)?.[1] ?? task;
    const host = /^changed: \[([^\]\s]+)/.exec(line)?.[1];
    if (host) changes.push(`${host}: ${task}`);
  }
  return changes;
}
