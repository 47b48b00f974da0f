import { SshError } from '#integrations/ssh/ssh-error.ts';
import type { CliContext } from '../context.ts';
import { accessOf } from './hosts.ts';

/** What came back from one host: what the command printed, or why it could not be asked. */
export type Answer =
  | { readonly host: string; readonly up: true; readonly text: string }
  | {
      readonly host: string;
      readonly up: false;
      /** Nobody answered there at all; else somebody did, and something is wrong with that. */
      readonly silent: boolean;
      readonly what: string;
      readonly remedy: string;
    };

/** Emulated machines take their time to log somebody in, and then for every program. */
const CONNECT_TIMEOUT_MS = 30_000;
const COMMAND_TIMEOUT_MS = 30_000;
const AT_ONCE = 8;

/** Runs one command on each host, some at a time. A host that does not answer costs the others nothing. */
export async function askEach(
  hosts: readonly string[],
  command: string,
  context: Pick<CliContext, 'settings' | 'signal'>,
): Promise<Answer[]> {
  const answers = new Map<string, Answer>();
  const left = hosts.values();
  const worker = async (): Promise<void> => {
    for (const host of left) answers.set(host, await ask(host, command, context));
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, hosts.length) }, worker));
  return hosts.flatMap((host) => answers.get(host) ?? []);
}

async function ask(
  host: string,
  command: string,
  { settings, signal }: Pick<CliContext, 'settings' | 'signal'>,
): Promise<Answer> {
  try {
    // Loaded only now: most calls of the command need no SSH.
    const { connectSsh } = await import('#integrations/ssh/connect.ts');
    const access = accessOf(settings);
    await using connection = await connectSsh({
      access,
      machine: host,
      timeoutMs: CONNECT_TIMEOUT_MS,
      signal,
    });
    const { stdout } = await connection.run(command, { timeoutMs: COMMAND_TIMEOUT_MS, signal });
    return { host, up: true, text: stdout };
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    const silent = error.kind === 'unreachable' || error.kind === 'timeout';
    return { host, up: false, silent, what: error.message, remedy: error.remedy };
  }
}

/** The parts of an answer whose command printed a line `@name` before each. */
export function sectionsOf(text: string): ReadonlyMap<string, string> {
  const sections = text.split(/^@(?=[a-z-]+$)/m).slice(1);
  return new Map(
    sections.map((section) => {
      const end = section.indexOf('\n');
      return end < 0 ? [section, ''] : [section.slice(0, end), section.slice(end + 1).trim()];
    }),
  );
}
