import { existsSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, readSecretFile } from '#lib/config.ts';
import type { ControlConfig } from '../config.ts';

/** What GitHub and we prove ourselves with to each other. */
export interface GithubSecrets {
  /** Those that the webhook may be signed with. */
  readonly webhook: readonly string[];
  /** Of the identity that we read with: the private key of its App, or its token. */
  readonly readerKey: string;
}

const VARIABLE = 'OLYMPUS_GITHUB_SECRETS_DIR';

/** Reads them from the folder that OLYMPUS_GITHUB_SECRETS_DIR names; undefined where GitHub is not used. */
export function readGithubSecrets(config: ControlConfig): GithubSecrets | undefined {
  const { OLYMPUS_GITHUB: settings, OLYMPUS_GITHUB_SECRETS_DIR: dir } = config;
  if (!settings) return undefined;
  if (dir === undefined) throw new ConfigError(`${VARIABLE} is not set: OLYMPUS_GITHUB needs it`);
  const before = path.join(dir, 'webhook-secret-before');
  return {
    webhook: [
      readSecretFile(VARIABLE, path.join(dir, 'webhook-secret')),
      // While GitHub still signs with the one before.
      ...(existsSync(before) ? [readSecretFile(VARIABLE, before)] : []),
    ],
    readerKey: readSecretFile(VARIABLE, path.join(dir, `key-${settings.reader}`)),
  };
}
