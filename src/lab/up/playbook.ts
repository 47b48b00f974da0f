import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Environment } from '#lib/config.ts';
import { LabError } from '../lab-error.ts';
import type { Report } from './report.ts';

export interface PlaybookOptions {
  /** The checkout: ansible.cfg is read from it. */
  readonly root: string;
  readonly playbook: string;
  readonly inventory: string;
  readonly limit: readonly string[];
  readonly stateDir: string;
  readonly env: Environment;
  readonly logFile: string;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** How many hosts' tasks changed something, by host. */
export type Changes = Readonly<Record<string, number>>;

/**
 * Runs a playbook, one phase for each of its plays, and returns what it changed. The whole output goes to the log
 * file; a failure becomes an error that names the host, the task and the cause.
 */
export async function runPlaybook(options: PlaybookOptions): Promise<Changes> {
  const { root, playbook, inventory, limit, stateDir, env, logFile, report, signal } = options;
  const args = [
    playbook,
    '--inventory',
    inventory,
    ...(limit.length > 0 ? ['--limit', limit.join(',')] : []),
  ];
  const child = spawn('ansible-playbook', args, {
    cwd: root,
    // Its own group: Ctrl-C reaches it through us alone, so that it ends in order.
    detached: true,
    env: {
      ...env,
      OLYMPUS_STATE_DIR: stateDir,
      ANSIBLE_NOCOLOR: '1',
      ANSIBLE_STDOUT_CALLBACK: 'default',
      ANSIBLE_CALLBACK_RESULT_FORMAT: 'json',
      PYTHONUNBUFFERED: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  // The whole group: what a task of it started, such as our own provisioner, would go on otherwise.
  const onAbort = (): void => endGroup(child.pid);
  signal.addEventListener('abort', onAbort, { once: true });
  const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 });
  const seen = new PlaybookOutput(report);
  try {
    const streams = [child.stdout, child.stderr].map(async (stream) => {
      for await (const line of createInterface({ input: stream })) {
        log.write(`${line}\n`);
        seen.take(line);
      }
    });
    const [[code]] = await Promise.all([closed, ...streams]);
    signal.throwIfAborted();
    if (code === 0) return seen.changes;
    throw new LabError(
      seen.failure ?? `ansible-playbook ${playbook} ended with ${code}: ${seen.lastLine}`,
      `Run this again when that is mended. The whole log: ${logFile}`,
    );
  } finally {
    signal.removeEventListener('abort', onAbort);
    log.end();
  }
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // It has ended: that is what was wanted.
  }
}

/** Reads what the default callback of ansible-playbook prints. */
export class PlaybookOutput {
  readonly changes: Record<string, number> = {};
  lastLine = '';
  #failures: { readonly host: string; readonly said: string }[] = [];
  readonly #report: Report;
  #task = '';

  constructor(report: Report) {
    this.#report = report;
  }

  /** The first thing that went wrong and that no task allows. */
  get failure(): string | undefined {
    return this.#failures[0]?.said;
  }

  take(line: string): void {
    if (line.trim() !== '') this.lastLine = line.trim();
    const [, kind, name] = /^(PLAY|TASK|RUNNING HANDLER) \[(.*?)\] ?\**$/.exec(line) ?? [];
    if (kind === 'PLAY' && name) this.#report.phase(name);
    else if (name) {
      this.#task = name;
      this.#report.detail(name);
    }
    const failed = /^(?:fatal|failed): \[([^\]]+)\].*?(FAILED!|UNREACHABLE!|\(item=.*?\)) => (.*)$/.exec(
      line,
    );
    if (failed) {
      const host = failed[1]?.split(' ')[0] ?? '';
      this.#failures.push({ host, said: `${host}: ${this.#task}: ${messageIn(failed[3] ?? '')}` });
    }
    // What Ansible prints under a failure that the task allows.
    if (line === '...ignoring') this.#failures.pop();
    const [, host, changed, rescued] =
      /^(\S+)\s+: ok=\d+\s+changed=(\d+)(?:.*\srescued=(\d+))?/.exec(line) ?? [];
    if (!host) return;
    this.changes[host] = Number(changed);
    this.#forget(host, Number(rescued ?? 0));
  }

  /** Those that a block has rescued came before the one that ended the host. */
  #forget(host: string, rescued: number): void {
    let left = rescued;
    this.#failures = this.#failures.filter((failure) => failure.host !== host || left-- <= 0);
  }
}

/** What a module said went wrong. */
function messageIn(json: string): string {
  try {
    const result = JSON.parse(json) as Record<string, unknown>;
    const texts = [result['msg'], result['stderr'], result['stdout']].filter(
      (text): text is string => typeof text === 'string' && text.trim() !== '',
    );
    const [first = json, second] = texts;
    return first === 'non-zero return code' && second ? second.trim() : first.trim();
  } catch {
    return json.trim();
  }
}
