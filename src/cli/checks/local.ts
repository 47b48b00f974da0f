import { statSync } from 'node:fs';
import { type Settings, whereSettingsComeFrom } from '../settings.ts';
import { type Check, failed, passed } from './check.ts';

const OLDEST_NODE = [24, 12] as const;

/** Whether the Node that runs us can run all of Olympus. */
export function nodeCheck(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const enough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (enough) return passed('node', version);
  return failed(
    'node',
    `${version} is too old`,
    'Olympus needs Node 24.12 or newer: run `npm ci` in its folder.',
  );
}

/** Whether there are settings, and nobody else can read the tokens in them. */
export function settingsChecks({ env, envFiles, stateDir }: Settings): Check[] {
  const name = 'settings';
  if (envFiles.length > 0) return envFiles.map((file) => fileCheck(name, file.path));
  if (env['OLYMPUS_API_URL']) return [passed(name, 'from the environment; there is no .env')];
  return [
    failed(
      name,
      `no .env with settings of Olympus, neither here nor in ${stateDir}`,
      whereSettingsComeFrom(stateDir),
    ),
  ];
}

function fileCheck(name: string, file: string): Check {
  const mode = statSync(file).mode & 0o777;
  const shown = `${file}, mode ${mode.toString(8).padStart(4, '0')}`;
  if ((mode & 0o077) === 0) return passed(name, shown);
  return failed(name, `${shown}: others can read the tokens in it`, `chmod 0600 ${file}`);
}
