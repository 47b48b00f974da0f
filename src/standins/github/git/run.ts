import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** The whole environment of git: nothing of this machine's configuration reaches it. */
export const GIT_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
};

export interface GitOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** How the output is given: base64 where it may be anything. */
  readonly encoding?: 'utf8' | 'base64';
}

export interface GitResult {
  readonly code: number | null;
  readonly text: string;
  readonly errorText: string;
}

/** Runs git in a folder and tells how it ended. */
export async function tryGit(
  dir: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitResult> {
  const child = spawn('git', args, { cwd: dir, env: { ...GIT_ENVIRONMENT, ...options.env } });
  const ended = once(child, 'close');
  const out: Buffer[] = [];
  const problems: Buffer[] = [];
  child.stdout.on('data', (chunk) => out.push(chunk));
  child.stderr.on('data', (chunk) => problems.push(chunk));
  // A git that ends without reading its input breaks the pipe; its exit code says why.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const [code] = (await ended) as [number | null];
  return {
    code,
    text: Buffer.concat(out).toString(options.encoding ?? 'utf8'),
    errorText: Buffer.concat(problems).toString('utf8'),
  };
}

/** What git printed; fails with git's own words when it fails. */
export async function git(dir: string, args: readonly string[], options: GitOptions = {}): Promise<string> {
  const { code, text, errorText } = await tryGit(dir, args, options);
  if (code !== 0) throw new Error(`git ${args.join(' ')} ended with ${code}: ${errorText.trim()}`);
  return text;
}
