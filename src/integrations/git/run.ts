import { type ExecFileException, execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';

/** git did not do it; `stderr` is what it said, cut to its end. */
export class GitError extends Error {
  readonly stderr: string;

  constructor(command: string, stderr: string) {
    const last = stderr.trim().split('\n').at(-1) ?? '';
    super(`git ${command}: ${last.slice(0, 500)}`);
    this.name = 'GitError';
    this.stderr = stderr;
  }
}

export interface GitOptions {
  /** The repository; one of ours, never one that somebody else can write into. */
  readonly gitDir: string;
  readonly signal: AbortSignal;
  /** Sent to the server of a URL that begins with `for`, and to no other. */
  readonly token?: { readonly value: string; readonly for: string } | undefined;
  /** What it reads: a file from a byte of it on. */
  readonly input?: { readonly file: string; readonly start: number } | undefined;
}

/**
 * What nothing outside our command line may change: no hook runs, no helper, and nothing but what we name is talked to.
 * git shares the memory of the daemon's service: large files are streamed, and its caches are small.
 */
const CONFIG: Readonly<Record<string, string>> = {
  'core.bigFileThreshold': '8m',
  'core.deltaBaseCacheLimit': '16m',
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.attributesFile': '/dev/null',
  'credential.helper': '',
  'gc.auto': '0',
  'http.followRedirects': 'false',
  'http.lowSpeedLimit': '1000',
  'http.lowSpeedTime': '60',
  'maintenance.auto': 'false',
  'pack.deltaCacheSize': '16m',
  'pack.threads': '1',
  'pack.windowMemory': '32m',
  'protocol.allow': 'never',
  'protocol.file.allow': 'always',
  'protocol.http.allow': 'always',
  'protocol.https.allow': 'always',
  'submodule.recurse': 'false',
};
const OUTPUT_LIMIT = 16 * 1024 * 1024;

/**
 * Runs git in a bare repository of ours and resolves with what it prints. Neither the machine's nor a user's settings
 * count, nothing is asked of a terminal, and a token stands in the environment, where only this user reads it.
 * Rejects with a GitError, or with the signal's reason.
 */
export function git(args: readonly string[], { gitDir, signal, token, input }: GitOptions): Promise<string> {
  const authorization =
    token && `Authorization: Basic ${Buffer.from(`x-access-token:${token.value}`).toString('base64')}`;
  const config = { ...CONFIG, ...(token ? { [`http.${token.for}.extraHeader`]: authorization ?? '' } : {}) };
  const entries = Object.entries(config);
  const env = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: '/nonexistent',
    LC_ALL: 'C.UTF-8',
    GIT_DIR: gitDir,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
  return new Promise((resolve, reject) => {
    const child = execFile(
      'git',
      args,
      { cwd: '/', env, signal, maxBuffer: OUTPUT_LIMIT },
      (error, stdout, stderr) => {
        if (!error) resolve(stdout);
        else reject(signal.aborted ? signal.reason : new GitError(args[0] ?? '', stderr || whyOf(error)));
      },
    );
    if (!child.stdin) return;
    if (!input) {
      child.stdin.end();
      return;
    }
    // One that ends before it has read all of it says itself why.
    const { stdin } = child;
    stdin.on('error', () => undefined);
    createReadStream(input.file, { start: input.start })
      .on('error', (error) => stdin.destroy(error))
      .pipe(stdin);
  });
}

/** Of one that said nothing: the kernel kills what takes the memory of the service. */
function whyOf({ signal, message }: ExecFileException): string {
  return signal === 'SIGKILL' ? 'it was killed, as it is where it wants more memory than there is' : message;
}
