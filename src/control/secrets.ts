import { existsSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, readSecretFile } from '#lib/config.ts';
import type { ControlConfig } from './config.ts';

/** What others and the control plane prove themselves with to each other. */
export interface ControlSecrets {
  readonly busSeed: string;
  readonly apiToken: string;
  /** Where GitHub is used. */
  readonly github: GithubSecrets | undefined;
}

export interface GithubSecrets {
  /** Those that the webhook may be signed with: two, while one is being replaced. */
  readonly webhook: readonly string[];
  /** Of what each agent is there: the private key of its App, or the token of its account. */
  readonly keys: ReadonlyMap<string, string>;
}

/** Reads them from the files that the settings name. */
export function readSecrets(config: ControlConfig): ControlSecrets {
  return {
    busSeed: readSecretFile('OLYMPUS_NATS_SEED_FILE', config.OLYMPUS_NATS_SEED_FILE),
    apiToken: readSecretFile('OLYMPUS_API_TOKEN_FILE', config.OLYMPUS_API_TOKEN_FILE),
    github: readGithubSecrets(config),
  };
}

function readGithubSecrets(config: ControlConfig): GithubSecrets | undefined {
  const { OLYMPUS_GITHUB: settings, OLYMPUS_GITHUB_SECRETS_DIR: dir } = config;
  if (!settings) return undefined;
  const variable = 'OLYMPUS_GITHUB_SECRETS_DIR';
  if (dir === undefined) throw new ConfigError(`${variable} is not set: OLYMPUS_GITHUB needs it`);
  const read = (name: string): string => readSecretFile(variable, path.join(dir, name));
  const isReplaced = existsSync(path.join(dir, 'webhook-secret-before'));
  return {
    webhook: [read('webhook-secret'), ...(isReplaced ? [read('webhook-secret-before')] : [])],
    keys: new Map(Object.keys(settings.agents).map((name) => [name, read(`key-${name}`)])),
  };
}
