import type { GithubSettings } from '#core/github-settings.ts';
import { type Credentials, createGithubReader } from '#integrations/github/client.ts';
import type { Clock } from '#lib/clock.ts';
import type { Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import type { AdmissionOptions } from '../admission/admission.ts';
import type { Store } from '../store/store.ts';
import { GithubIntake } from './intake.ts';
import { GithubPoll } from './poll.ts';
import type { GithubSecrets } from './secrets.ts';
import type { WebhookOptions } from './webhook-route.ts';

/** Everything by which the control plane learns of GitHub. */
export interface GithubSide {
  readonly webhook: WebhookOptions;
  readonly parts: readonly Part[];
}

export function githubSide(options: {
  readonly settings: GithubSettings;
  readonly secrets: GithubSecrets;
  readonly store: Store;
  readonly admission: AdmissionOptions;
  /** Called after something was asked for, or ended. */
  readonly onTaken: () => void;
  readonly part: (name: string) => Logger;
  readonly clock: Clock;
}): GithubSide {
  const { settings, secrets, store, admission, onTaken, part, clock } = options;
  const log = part('github');
  const intake = new GithubIntake({ settings, admission, store, onTaken, log, clock });
  const webhook = {
    store,
    secrets: secrets.webhook,
    now: () => clock.now(),
    onStored: () => intake.wake(),
    log,
  };
  const reader = createGithubReader({
    url: settings.url,
    credentials: credentialsOf(settings, secrets),
    clock,
  });
  const everyMs = settings.poll_minutes * 60_000;
  const poll = new GithubPoll({ settings, admission, reader, store, everyMs, onTaken, log, clock });
  return { webhook, parts: [intake, poll] };
}

function credentialsOf({ agents, reader }: GithubSettings, { readerKey }: GithubSecrets): Credentials {
  const { app, installation } = agents[reader] ?? {};
  if (app === undefined || installation === undefined) return { token: readerKey };
  return { app, installation, privateKey: readerKey };
}
