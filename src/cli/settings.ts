import path from 'node:path';
import { config as readDotenv } from 'dotenv';
import { z } from 'zod';
import { ConfigError, type Environment, readConfig, stateDirectory } from '#lib/config.ts';
import { usageError } from './cli-error.ts';

/** A file of settings that was found, and the variables of Olympus in it. */
export interface EnvFile {
  readonly path: string;
  readonly names: readonly string[];
}

/** The settings of one call of the command, wherever they came from. */
export interface Settings {
  readonly env: Environment;
  readonly stateDir: string;
  /** Only files that hold a variable of ours: another project's .env is none of our business. */
  readonly envFiles: readonly EnvFile[];
}

/** Services whose address and token belong together. */
const SERVICES = ['OLYMPUS_API', 'OLYMPUS_MATTERMOST'] as const;

/**
 * Adds `.env` of the working directory, then that of the state directory, to what the environment does not set.
 * A token goes only to the address it was written down with: a `.env` that happens to lie in the working
 * directory must not be able to send ours elsewhere.
 */
export function readSettings(env: Environment, workingDir: string): Settings {
  const here = readEnvFile(path.join(workingDir, '.env'));
  const known = { ...here.variables, ...present(env) };
  const stateDir = stateDirectory(known);
  const inState = readEnvFile(path.join(stateDir, '.env'));
  const files = inState.path === here.path ? [here] : [here, inState];
  return {
    env: {
      ...inState.variables,
      ...known,
      ...(files.length > 1 ? ownTokens(present(env), here.variables) : {}),
    },
    stateDir,
    envFiles: files
      .map((file) => ({ path: file.path, names: Object.keys(file.variables) }))
      .filter((file) => file.names.length > 0),
  };
}

/**
 * Who types, as the control plane writes it down beside what they had done. The token is what proves anything: one with
 * a name acts under that, and OLYMPUS_API_USER says it where the person is called otherwise on this machine.
 */
export function personOf({ env }: Settings): string {
  return env['OLYMPUS_API_USER'] ?? env['SUDO_USER'] ?? env['USER'] ?? 'operator';
}

export interface ApiSettings {
  readonly url: string;
  readonly token: string;
}

/** Address and token of the control plane; the error of a missing one names the variable and where it comes from. */
export function apiSettings(settings: Settings): ApiSettings {
  const { OLYMPUS_API_URL, OLYMPUS_API_TOKEN } = read(ApiVariables, settings);
  return { url: OLYMPUS_API_URL, token: OLYMPUS_API_TOKEN };
}

export interface ChatSettings {
  readonly url: string;
  readonly token: string;
  readonly team: string;
}

/** Address, token and team of the chat server, as the person who types. */
export function chatSettings(settings: Settings): ChatSettings {
  const { OLYMPUS_MATTERMOST_URL, OLYMPUS_MATTERMOST_TOKEN, OLYMPUS_MATTERMOST_TEAM } = read(
    ChatVariables,
    settings,
  );
  return { url: OLYMPUS_MATTERMOST_URL, token: OLYMPUS_MATTERMOST_TOKEN, team: OLYMPUS_MATTERMOST_TEAM };
}

/** How to get settings when there are none, as a sentence. */
export function whereSettingsComeFrom(stateDir: string): string {
  const development = stateDirectory({ OLYMPUS_ENV: 'dev' });
  if (stateDir !== stateDirectory({})) {
    return `Set them, or start a local fleet with \`npm run dev\`, which writes them to ${path.join(stateDir, '.env')}.`;
  }
  return `Set them, bring up a lab with \`olympus lab up\`, or use a local fleet: start it with \`npm run dev\` and put OLYMPUS_ENV=dev before this command, which then finds them in ${path.join(development, '.env')}.`;
}

/** The socket of the daemon on this machine, through which an agent asks people. */
export function actionSocket({ env }: Settings): string {
  const path = env['OLYMPUS_ACTION_SOCKET'];
  if (path) return path;
  throw usageError(
    'OLYMPUS_ACTION_SOCKET is not set.',
    'This command is for agents, on their own machines: there it is set.',
  );
}

const ApiVariables = z.object({
  OLYMPUS_API_URL: url('the address of the control plane, such as http://10.220.1.20:8090'),
  OLYMPUS_API_TOKEN: z.string('the token of its API'),
});

const ChatVariables = z.object({
  OLYMPUS_MATTERMOST_URL: url('the address of Mattermost, such as http://10.220.1.10:8065'),
  OLYMPUS_MATTERMOST_TOKEN: z.string('your own access token there'),
  OLYMPUS_MATTERMOST_TEAM: z.string('the name of the team, such as olympus'),
});

function url(meaning: string) {
  return z
    .url({
      protocol: /^https?$/,
      error: (issue) => (issue.input === undefined ? meaning : `write ${meaning}`),
    })
    .transform((value) => value.replace(/\/+$/, ''));
}

/** For each service whose address the working directory's file gives: the token of that same file, or none. */
function ownTokens(env: Environment, here: Environment): Record<string, string | undefined> {
  const redirected = SERVICES.filter((service) => here[`${service}_URL`] && !env[`${service}_URL`]);
  return Object.fromEntries(redirected.map((service) => [`${service}_TOKEN`, here[`${service}_TOKEN`]]));
}

function readEnvFile(file: string): { path: string; variables: Record<string, string> } {
  const { parsed = {} } = readDotenv({ path: file, processEnv: {}, quiet: true });
  const ours = Object.entries(parsed).filter(([name, value]) => name.startsWith('OLYMPUS_') && value !== '');
  return { path: file, variables: Object.fromEntries(ours) };
}

/** An empty variable counts as absent everywhere, so it must not hide one of a file. */
function present(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
}

function read<T extends z.ZodType>(schema: T, { env, stateDir }: Settings): z.output<T> {
  try {
    return readConfig(schema, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw usageError(`${error.message}.`, whereSettingsComeFrom(stateDir));
  }
}
