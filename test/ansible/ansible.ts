import { execFile, spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { tempDir } from '#test/temp-dir.ts';

export const ROOT = path.resolve(import.meta.dirname, '../..');
export const ANSIBLE = path.join(ROOT, 'ansible');

export interface Ended {
  readonly code: number;
  /** Standard output and standard error, in that order. */
  readonly output: string;
}

/** Runs one of Ansible's commands in the repository, with a home and a state directory of its own. */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  await using home = await tempDir('ansible-home');
  const given = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    LC_ALL: 'C.UTF-8',
    HOME: home.path,
    OLYMPUS_STATE_DIR: path.join(home.path, 'state'),
    ANSIBLE_CONFIG: path.join(ROOT, 'ansible.cfg'),
    ANSIBLE_NOCOLOR: '1',
    NO_COLOR: '1',
    COLUMNS: '200',
    ...env,
  };
  // Awaited here: the folder has to be there until the command has ended.
  return await new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd: ROOT, env: given, timeout: 110_000, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        const code = error?.code ?? 0;
        if (typeof code === 'string')
          reject(new Error(`${command} could not be run: ${code}`, { cause: error }));
        else if (error?.signal) reject(new Error(`${command} ended by ${error.signal}\n${stdout}${stderr}`));
        else resolve({ code, output: `${stdout}${stderr}` });
      },
    );
  });
}

/** Runs one of our modules on this machine; `result` is what it answered. */
export async function moduleRun<T>(
  module: string,
  given: object,
  options: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended & { result: T }> {
  const ended = await run(
    'ansible',
    [
      ...['localhost', '--playbook-dir', ANSIBLE, '--inventory', 'localhost,', '--connection', 'local'],
      ...['--module-name', module, '--args', JSON.stringify(given), ...options],
    ],
    { ANSIBLE_STDOUT_CALLBACK: 'json', ANSIBLE_LOAD_CALLBACK_PLUGINS: '1', ...env },
  );
  const json = JSON.parse(
    ended.output.slice(ended.output.indexOf('{'), ended.output.lastIndexOf('}') + 1),
  ) as {
    plays: { tasks: { hosts: Record<string, T> }[] }[];
  };
  const result = json.plays[0]?.tasks[0]?.hosts['localhost'];
  if (result === undefined) throw new Error(ended.output);
  return { ...ended, result };
}

/** Runs a module as Ansible does on a host, but without Ansible before it: in a tenth of the time. */
const ALONE = `import runpy, sys, ansible.module_utils
utils, module = sys.argv[1:]
sys.argv = [module]
ansible.module_utils.__path__.append(utils)
runpy.run_path(module, run_name="__main__")`;

/** What one of our modules answers on this machine; `given` is handed to it as Ansible does. */
export async function moduleAlone<T>(module: string, given: object, check = false): Promise<T> {
  const child = spawn('/usr/bin/python3', [
    ...['-c', ALONE, path.join(ANSIBLE, 'module_utils'), path.join(ANSIBLE, 'library', `${module}.py`)],
  ]);
  child.stdin.end(JSON.stringify({ ANSIBLE_MODULE_ARGS: { ...given, _ansible_check_mode: check } }));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  try {
    return JSON.parse(out) as T;
  } catch (error) {
    throw new Error(`${module} did not answer with JSON: ${out}${err}`, { cause: error });
  }
}
