import { fastify } from 'fastify';
import { createGithubReader } from '#integrations/github/client.ts';
import type { GithubReader } from '#integrations/github/reader.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { GithubIntake } from '../../../src/control/github/intake.ts';
import { readRepository } from '../../../src/control/github/read-repository.ts';
import { addWebhookRoute } from '../../../src/control/github/webhook-route.ts';
import { Store } from '../../../src/control/store/store.ts';
import { arrived, controlOver } from '../control-without-bus.ts';
import { heartbeatOf } from '../messages.ts';
import { tempDir } from '../temp-dir.ts';
import { waitFor } from '../wait.ts';
import { acmeSettings } from './house.ts';
import type { GithubScene } from './scene.ts';
import { WEBHOOK_SECRET } from './webhook.ts';

const NEVER = new AbortController().signal;
const clock = systemClock;
const log = createLogger({ name: 'test', level: 'silent' });

/** The side of a control plane that learns of GitHub, over a store of its own and without a bus. */
export interface Side extends AsyncDisposable {
  readonly store: Store;
  /** For a hook of GitHub. */
  readonly hook: { readonly url: string; readonly secret: string };
  /** Reads and hears this GitHub from now on. */
  connect(github: GithubScene, repositories?: string[]): Promise<GithubReader>;
  /** One round of the poll. */
  read(): Promise<void>;
  /** Resolves when all that was heard is done. */
  done(): Promise<void>;
  /** Keys and states of what there is to do, without the ids that GitHub gave. */
  tasks(): Promise<string[]>;
}

/** `loses`: half of the webhooks get lost on the way. */
export async function openSide({ loses = false }: { readonly loses?: boolean } = {}): Promise<Side> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir('github-side'));
  const store = new Store({ stateDir: dir.path, clock });
  stack.defer(() => store.stop());
  const { admission, heartbeat } = controlOver(store);
  for (const agent of ['athena', 'apollo'])
    await heartbeat(arrived(`olympus.heartbeat.${agent}`, heartbeatOf(agent, { concurrency: 100 })));
  const app = fastify();
  const heard: string[] = [];
  app.addHook('onRequest', async ({ headers }, reply) => {
    const id = String(headers['x-github-delivery']);
    if (!heard.includes(id)) heard.push(id);
    // Every second one, as often as it comes.
    if (loses && heard.indexOf(id) % 2 === 1) return reply.code(502).send();
    return undefined;
  });
  let intake: GithubIntake | undefined;
  let read = async (): Promise<void> => undefined;
  const onStored = (): void => intake?.wake();
  addWebhookRoute(app, { store, secrets: [WEBHOOK_SECRET], now: () => clock.now(), onStored, log });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  stack.defer(() => app.close());
  const owned = stack.move();
  return {
    store,
    hook: { url: `${address}/github/webhook`, secret: WEBHOOK_SECRET },
    async connect(github, repositories) {
      const { settings, readerKey: privateKey } = acmeSettings(github, repositories);
      const { app: id = 0, installation = 0 } = settings.agents['athena'] ?? {};
      const credentials = { app: id, installation, privateKey };
      const reader = createGithubReader({ url: settings.url, clock, credentials });
      const options = { settings, admission, store, reader, onTaken: () => undefined, log, clock };
      const begun = new GithubIntake(options);
      intake = begun;
      await begun.start();
      owned.defer(() => begun.stop());
      read = async () => {
        for (const repo of settings.repositories) await readRepository(options, repo, NEVER);
      };
      return reader;
    },
    read: () => read(),
    done: () =>
      waitFor('deliveries to be handled', async () => (await store.read.github.open(1)).length === 0).then(
        () => undefined,
      ),
    async tasks() {
      const all = await store.read.tasks.list({ limit: 100 });
      return all
        .map(({ dedupKey, state }) => `${dedupKey.replace(/:[0-9a-f]{2,}(?=:\w+$)/, '')} ${state}`)
        .toSorted();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
