import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
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

/** Runs ansible/reset.yml for the hub and athena, confirmed; resolves with what Ansible printed. */
export async function runReset(stateDir: string, ...more: readonly string[]): Promise<string> {
  const args = [
    '--inventory',
    'inventory/lab',
    '--limit',
    'hypervisors,hub,athena',
    '-e',
    'reset_confirm=olympus',
    ...more,
  ];
  const { stdout } = await promisify(execFile)('ansible-playbook', [...args, 'ansible/reset.yml'], {
    cwd: ROOT,
    env: { ...process.env, OLYMPUS_STATE_DIR: stateDir },
  });
  return stdout;
}

/** What a run of a playbook changed, from its log: `<host>: <task>`, and the files whose difference it shows. */
export function changesIn(log: string): { tasks: string[]; files: string[] } {
  let task = '';
  const tasks: string[] = [];
  const files = new Set<string>();
  for (const line of log.split('\n')) {
    task = /^(?:TASK|RUNNING HANDLER) \[(.*?)\] ?\**$/.exec(line)?.[1] ?? task;
    const host = /^changed: \[([^\]\s]+)/.exec(line)?.[1];
    if (host) tasks.push(`${host}: ${task}`);
    const file = /^--- (\/\S+)/.exec(line)?.[1];
    if (file) files.add(file);
  }
  return { tasks, files: [...files].toSorted() };
}
