import type { Manifest } from '#core/manifest.ts';
import { ConfigError, readSecretFile } from '#lib/config.ts';
import type { AgentConfig } from './config.ts';
import type { HarnessChoice } from './harness.ts';
import type { ControlApi } from './parts/control-api.ts';

/**
 * The agent's account in chat, or undefined for an agent that has none. Throws a ConfigError when the manifest names
 * channels and there is no account for them, and for half an account.
 */
export function chatAccountOf(
  config: AgentConfig,
  manifest: Manifest,
): { readonly url: string; readonly token: string } | undefined {
  const { OLYMPUS_MATTERMOST_URL: url, OLYMPUS_MATTERMOST_TOKEN_FILE: file } = config;
  if (url && file) return { url, token: readSecretFile('OLYMPUS_MATTERMOST_TOKEN_FILE', file) };
  const channels = Object.keys(manifest.channels.mattermost);
  if (!url && !file && channels.length === 0) return undefined;
  const missing = [
    ...(url ? [] : ['OLYMPUS_MATTERMOST_URL']),
    ...(file ? [] : ['OLYMPUS_MATTERMOST_TOKEN_FILE']),
  ].join(' and ');
  const why =
    channels.length > 0
      ? `the manifest of ${manifest.name} names channels (${channels.join(', ')})`
      : 'the other half of its account is set';
  throw new ConfigError(
    `${missing}: not set, but ${why}. Set both for an agent in chat; for one without people leave out both, and the channels.`,
  );
}

/** Control's API as the agent itself, or undefined without one; throws a ConfigError for an address without a token. */
export function controlApiOf(config: AgentConfig): ControlApi | undefined {
  const { OLYMPUS_CONTROL_URL: url, OLYMPUS_API_TOKEN_FILE: file } = config;
  if (!url) return undefined;
  if (file) return { url, token: readSecretFile('OLYMPUS_API_TOKEN_FILE', file) };
  throw new ConfigError(
    "OLYMPUS_API_TOKEN_FILE is not set: name the file of the agent's token for OLYMPUS_CONTROL_URL, or leave both out",
  );
}

/** What runs the model; throws a ConfigError when a setting that this choice needs is missing. */
export function harnessChoiceOf(config: AgentConfig): HarnessChoice {
  const { OLYMPUS_HARNESS: kind, OLYMPUS_HARNESS_URL, OLYMPUS_OPENCLAW_TOKEN_FILE: file } = config;
  switch (kind) {
    case 'openclaw': {
      if (!file)
        throw new ConfigError('OLYMPUS_OPENCLAW_TOKEN_FILE is not set: name the file with the gateway token');
      return {
        kind,
        url: config.OLYMPUS_OPENCLAW_URL,
        token: readSecretFile('OLYMPUS_OPENCLAW_TOKEN_FILE', file),
        unit: config.OLYMPUS_GATEWAY_UNIT,
        stopWithinMs: config.OLYMPUS_TURN_STOP_MS,
        warmUpTimeoutMs: config.OLYMPUS_WARM_UP_MS,
      };
    }
    case 'scripted': {
      if (!OLYMPUS_HARNESS_URL)
        throw new ConfigError('OLYMPUS_HARNESS_URL is not set: write where the scripted harness listens');
      return { kind, url: OLYMPUS_HARNESS_URL };
    }
    default:
      return kind satisfies never;
  }
}
