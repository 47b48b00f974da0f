import type { GithubSettings } from '#core/github-settings.ts';
import { type Credentials, createGithubReader } from '#integrations/github/client.ts';
import type { Clock } from '#lib/clock.ts';
import type { Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import type { AdmissionOptions } from '../admission/admission.ts';
import type { ControlConfig } from '../config.ts';
import type { ControlSecrets } from '../secrets.ts';
import type { Store } from '../store/store.ts';
import { Identities } from './identities.ts';
import { GithubIntake } from './intake.ts';
import { GithubPoll } from './poll.ts';
import type { WebhookOptions } from './webhook-route.ts';

/** Everything by which the control plane learns of GitHub, and gives agents what they write there with. */
export interface GithubSide {
  readonly webhook: WebhookOptions;
  readonly parts: readonly Part[];
  readonly identities: Identities;
}

/** Undefined where GitHub is not used. */
export function githubSide(options: {
  readonly config: Pick<ControlConfig, 'OLYMPUS_GITHUB'>;
  readonly secrets: ControlSecrets;
  readonly store: Store;
  readonly admission: AdmissionOptions;
  /** Called after something was asked for, or ended. */
  readonly onTaken: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}): GithubSide | undefined {
  const { config, secrets, store, clock, log, ...rest } = options;
  const { OLYMPUS_GITHUB: settings } = config;
  if (!settings || !secrets.github) return undefined;
  const { webhook, keys } = secrets.github;
  const shared = { ...rest, settings, store, log, clock };
  const intake = new GithubIntake(shared);
  const credentials = credentialsOf(settings, keys.get(settings.reader) ?? '');
  const reader = createGithubReader({ url: settings.url, credentials, clock });
  const poll = new GithubPoll({ ...shared, reader, everyMs: settings.poll_minutes * 60_000 });
  const onStored = (): void => intake.wake();
  return {
    webhook: { store, secrets: webhook, now: () => clock.now(), onStored, log },
    parts: [intake, poll],
    identities: new Identities(settings, keys),
  };
}

function credentialsOf({ agents, reader }: GithubSettings, readerKey: string): Credentials {
  const { app, installation } = agents[reader] ?? {};
  if (app === undefined || installation === undefined) return { token: readerKey };
  return { app, installation, privateKey: readerKey };
}
