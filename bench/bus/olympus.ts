import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection, nkeyAuthenticator } from 'nats';
import { TaskCreate } from '#core/messages/task-create.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { subjectsOf } from '#core/subjects.ts';
import { newUserKey } from '#integrations/nats/keys.ts';
import { renderServerConfig } from '#integrations/nats/server-config.ts';
import { choosePort } from '#lab/local/ports.ts';
import { newNonce } from '#lib/id.ts';
import { startNatsServer } from '#test/nats-server.ts';
import { startProgram } from '#test/program.ts';
import { tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import type { BusPeer } from './peer.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FLEET = 'bench';
/** How many people ask, by turns. */
const PEOPLE = 7;

/** A control plane, simulated agents and a bus, which do tasks. */
export interface OlympusBench extends BusPeer {
  readonly pids: { readonly control: number; readonly agents: number; readonly nats: number };
  /** Asks for a task that nobody waits for; resolves when the request is stored. */
  ask(index: number): Promise<void>;
  /** How many tasks were completed so far. */
  completed(): number;
  /** A GET of the control plane's API. */
  api<T>(route: string): Promise<T>;
}

/** Where the agents are in chat, and the token of the account of each. */
export interface BenchChat {
  readonly url: string;
  tokenOf(agent: string): string;
}

/** The names of so many agents. */
export function agentNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `agent-${index}`);
}

/** Starts them; each agent takes `concurrency` tasks at once and answers without thinking. */
export async function startOlympus(
  agentCount: number,
  concurrency: number,
  chat?: BenchChat,
): Promise<OlympusBench> {
  const dir = await tempDir('bench-bus');
  const control = newUserKey();
  const agents = agentNames(agentCount).map((name) => ({ name, key: newUserKey() }));
  const nats = await startNatsServer({
    config: renderServerConfig({
      fleet: FLEET,
      listen: '127.0.0.1:0',
      storeDir: '/unused', // the server has its own
      controlKey: control.publicKey,
      agentKeys: Object.fromEntries(agents.map(({ name, key }) => [name, key.publicKey])),
    }),
  });
  const { program: controlProgram, api } = await startControl(dir.path, nats.url, control.seed);
  const job = {
    fleet: FLEET,
    url: nats.url,
    stateDir: path.join(dir.path, 'agents'),
    agents: agents.map(({ name, key }) => ({ name, seed: key.seed, chatToken: chat?.tokenOf(name) })),
    chatUrl: chat?.url,
    concurrency,
  };
  const agentsProgram = startProgram(path.join(ROOT, 'bench/bus/agents-main.ts'), {
    args: [JSON.stringify(job)],
  });
  await waitFor(
    'every agent to be ready',
    async () => {
      const { agents: known } = await api<{ agents: { phase: string }[] }>('/v1/agents');
      return known.filter(({ phase }) => phase === 'Ready').length === agentCount;
    },
    { timeoutMs: 120_000 },
  );

  const [first] = agents;
  if (!first) throw new Error('the bench needs an agent');
  const asker = await connectAs(nats.url, first.key.seed, `_INBOX_${first.name}`);
  const watcher = await connectAs(nats.url, control.seed);
  // By what was asked, with which its text begins. The end of a task is told with its own id; its dispatch, which comes
  // first and on the same connection, says which was asked with which text.
  const waiting = new Map<string, () => void>();
  const asked = new Map<string, string>();
  let completed = 0;
  watcher.subscribe(`${FLEET}.tasks.>`, {
    callback: (_error, message) => {
      const { data } = message.json<TaskDispatch>();
      asked.set(data.taskId, data.input.text.split(' ')[0] ?? '');
    },
  });
  watcher.subscribe(`roundtable.events.${FLEET}.task.*.complete`, {
    callback: (_error, message) => {
      completed += 1;
      const taskId = message.subject.split('.').at(-2) ?? '';
      waiting.get(asked.get(taskId) ?? '')?.();
      asked.delete(taskId);
    },
  });
  await watcher.flush();
  const js = jetstream(asker);
  const subject = subjectsOf(FLEET).request(first.name, 'task-create');

  async function ask(index: number, id = newNonce()): Promise<void> {
    const message = TaskCreate.create(
      { id, source: '/bench', subject: 'bench', time: new Date().toISOString() },
      {
        dedupKey: id,
        agent: agents[index % agents.length]?.name ?? '',
        text: `${id} `.padEnd(200, 'x'),
        requester: { id: `person-${index % PEOPLE}`, name: 'person', kind: 'human' },
      },
    );
    await js.publish(subject, JSON.stringify(message), { msgID: id });
  }

  return {
    pids: {
      control: controlProgram.child.pid ?? 0,
      agents: agentsProgram.child.pid ?? 0,
      nats: nats.pid,
    },
    ask: (index) => ask(index),
    async task(index) {
      const id = newNonce();
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.set(id, resolve);
      await ask(index, id);
      await promise;
      waiting.delete(id);
    },
    completed: () => completed,
    api,
    async [Symbol.asyncDispose]() {
      await asker.close();
      await watcher.close();
      await agentsProgram[Symbol.asyncDispose]();
      await controlProgram[Symbol.asyncDispose]();
      await nats[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function startControl(dir: string, natsUrl: string, seed: string) {
  const token = newNonce();
  const port = await choosePort(0);
  const files = { seed: path.join(dir, 'seed'), token: path.join(dir, 'token') };
  await writeFile(files.seed, seed, { mode: 0o600 });
  await writeFile(files.token, token, { mode: 0o600 });
  await mkdir(path.join(dir, 'control'));
  const program = startProgram(path.join(ROOT, 'src/control/main.ts'), {
    env: {
      OLYMPUS_FLEET: FLEET,
      OLYMPUS_STATE_DIR: path.join(dir, 'control'),
      OLYMPUS_NATS_URL: natsUrl,
      OLYMPUS_NATS_SEED_FILE: files.seed,
      OLYMPUS_API_TOKEN_FILE: files.token,
      OLYMPUS_API_PORT: String(port),
      OLYMPUS_REQUESTS_PER_MINUTE: '1000000',
      OLYMPUS_LOG_LEVEL: 'warn',
    },
  });
  const url = `http://127.0.0.1:${port}`;
  await waitFor('control to be ready', async () => (await fetch(`${url}/healthz`)).ok, {
    timeoutMs: 60_000,
  });
  const api = async <T>(route: string): Promise<T> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await (await fetch(`${url}${route}`, { headers })).json()) as T;
  };
  return { program, api };
}

function connectAs(url: string, seed: string, inboxPrefix?: string): Promise<NatsConnection> {
  return connect({
    servers: url,
    authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
    noAsyncTraces: true, // as production connections have it
    ...(inboxPrefix ? { inboxPrefix } : {}),
  });
}
