import { scopes } from '#core/scopes.ts';
import { newUserKey, publicKeyOf } from '#integrations/nats/keys.ts';
import { renderServerConfig } from '#integrations/nats/server-config.ts';
import { newNonce } from '#lib/id.ts';
import { apiTokensText } from '#provision/secrets/api-tokens.ts';
import { chatSeed, HUMAN } from '../chat-seed.ts';
import type { ProcessPart } from './process-part.ts';
import { writePrivateFile } from './secrets.ts';
import type { Site } from './site.ts';
import { SMALL_PROCESS_FLAGS } from './small-process.ts';

export const FLEET = 'olympus';
export const TEAM = 'olympus';

/** A stand-in: its address, its control surface, its process. */
export interface LocalStandin {
  readonly url: string;
  readonly adminUrl: string;
  readonly process: ProcessPart;
}

/** The chat stand-in, with a bot for each agent and one person. */
export async function prepareChat(
  site: Site,
  agents: readonly string[],
): Promise<LocalStandin & { humanToken: string }> {
  const humanToken = site.secret('chat-human', newNonce);
  const seedFile = site.at('mattermost-seed.json');
  const seed = chatSeed({
    team: TEAM,
    humanToken,
    bots: Object.fromEntries(agents.map((name) => [name, site.secret(`chat-${name}`, newNonce)])),
  });
  writePrivateFile(seedFile, JSON.stringify(seed));
  const [port, adminPort] = [await site.port(8065), await site.port(8066)];
  const url = `http://127.0.0.1:${port}`;
  const process = site.process({
    name: 'mattermost',
    command: [
      site.node,
      site.source('src/standins/mattermost/main.ts'),
      ...['--port', String(port), '--admin-port', String(adminPort)],
      ...['--seed', seedFile, '--state', site.at('mattermost-state')],
    ],
    readyUrl: `${url}/api/v4/system/ping`,
  });
  return { url, adminUrl: `http://127.0.0.1:${adminPort}`, process, humanToken };
}

/** The stand-in for the model provider, and the key it asks for. */
export async function prepareModel(site: Site): Promise<LocalStandin & { key: string }> {
  const key = site.secret('model-key', newNonce);
  const [port, adminPort] = [await site.port(11_500), await site.port(11_501)];
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const process = site.process({
    name: 'model',
    command: [
      site.node,
      site.source('src/standins/model/main.ts'),
      ...[
        '--port',
        String(port),
        '--admin-port',
        String(adminPort),
        '--key-file',
        site.secretFile('model-key'),
      ],
    ],
    readyUrl: `${adminUrl}/standin/requests`,
  });
  return { url: `http://127.0.0.1:${port}`, adminUrl, process, key };
}

export interface LocalBus {
  readonly url: string;
  readonly process: ProcessPart;
  /** The seed of control's own key: for tests that watch the bus. */
  readonly observerSeed: string;
}

/** nats-server with an account for control and one for each agent. */
export async function prepareBus(site: Site, binary: string, agents: readonly string[]): Promise<LocalBus> {
  const seedOf = (name: string): string => site.secret(`bus-${name}`, () => newUserKey().seed);
  const [port, monitorPort] = [await site.port(4222), await site.port(0)];
  const config = renderServerConfig({
    fleet: FLEET,
    listen: `127.0.0.1:${port}`,
    monitorListen: `127.0.0.1:${monitorPort}`,
    storeDir: site.at('jetstream'),
    controlKey: publicKeyOf(seedOf('control')),
    agentKeys: Object.fromEntries(agents.map((name) => [name, publicKeyOf(seedOf(name))])),
  });
  writePrivateFile(site.at('nats.conf'), config);
  const process = site.process({
    name: 'nats-server',
    command: [binary, '-c', site.at('nats.conf')],
    readyUrl: `http://127.0.0.1:${monitorPort}/healthz`,
  });
  return { url: `nats://127.0.0.1:${port}`, process, observerSeed: seedOf('control') };
}

export interface LocalControl {
  readonly url: string;
  readonly token: string;
  readonly process: ProcessPart;
}

/** olympus-control. `env` holds what it shares with the daemons. */
export async function prepareControl(
  site: Site,
  agents: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<LocalControl> {
  const port = await site.port(8090);
  const url = `http://127.0.0.1:${port}`;
  const token = site.secret('api-token', newNonce);
  const tokensFile = site.at('api-tokens.json');
  const agentTokens = agents.map((name) => [name, site.secret(`api-${name}`, newNonce)]);
  const person = {
    name: HUMAN,
    scopes: Object.keys(scopes),
    chat: HUMAN,
    token: site.secret('api-human', newNonce),
  };
  writePrivateFile(tokensFile, apiTokensText([person], Object.fromEntries(agentTokens)));
  const process = site.process({
    name: 'control',
    command: [site.node, ...SMALL_PROCESS_FLAGS, site.source('src/control/main.ts')],
    env: {
      OLYMPUS_WORKFLOWS_DIR: site.source('agents', 'workflows'),
      OLYMPUS_POLICIES_FILE: site.source('agents', 'policies.yml'),
      ...env,
      OLYMPUS_STATE_DIR: site.at('control'),
      OLYMPUS_NATS_SEED_FILE: site.secretFile('bus-control'),
      OLYMPUS_API_TOKEN_FILE: site.secretFile('api-token'),
      OLYMPUS_API_TOKENS_FILE: tokensFile,
      OLYMPUS_API_PORT: String(port),
      OLYMPUS_CARDS_URL: url,
    },
    readyUrl: `${url}/healthz`,
  });
  return { url, token, process };
}
