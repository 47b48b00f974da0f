import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { usageError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import type { Render } from '../render/document.ts';

interface Document {
  readonly name: string;
  readonly description: string;
  readonly example: object;
  /** Loaded when it is wanted: the bus client alone would cost every command 50 ms. */
  readonly load: () => Promise<Render>;
}

const DOCUMENTS: readonly Document[] = [
  {
    name: 'gateway-config',
    description: "openclaw.json, the configuration of an agent's gateway",
    example: {
      agentName: 'athena',
      workspaceDir: '/data/openclaw/workspace',
      stateDir: '/data/openclaw/state',
      packageDir: '/opt/olympus/openclaw/node_modules/openclaw',
      port: 18_789,
      gatewayTokenFile: '/etc/olympus/secrets/openclaw/gateway-token',
      modelKeyFile: '/etc/olympus/secrets/openclaw/model-key',
      modelBaseUrl: 'http://10.220.1.1:11500/v1',
      modelApi: 'openai-completions',
      modelId: 'scripted-1',
      bind: 'lan',
      address: '10.220.1.51',
    },
    load: async () => (await import('../render/gateway.ts')).gatewayConfig,
  },
  {
    name: 'agent-settings',
    description:
      "agents/main/agent/settings.json of the gateway's state: how long it tries a model that fails",
    example: { maxRetries: 2, maxRetryDelayMs: 20_000 },
    load: async () => (await import('../render/gateway.ts')).agentSettings,
  },
  {
    name: 'nats-config',
    description: 'nats-server.conf: what the bus is; the accounts are in a file of their own',
    example: {
      fleet: 'olympus',
      listen: '10.220.1.20:4222',
      storeDir: '/data/nats',
      accountsFile: 'accounts.conf',
      monitorListen: '127.0.0.1:8222',
      tls: {
        caFile: '/etc/olympus/nats-ca.pem',
        certFile: '/etc/olympus/nats/server.pem',
        keyFile: '/etc/olympus/secrets/nats/server.key',
      },
    },
    load: async () => (await import('../render/servers.ts')).natsConfig,
  },
  {
    name: 'nats-accounts',
    description: 'accounts.conf: an account for control and one for each agent; it holds public keys only',
    example: { fleet: 'olympus', controlSeed: 'SU…', agentSeeds: { athena: 'SU…' }, knightSeed: 'SU…' },
    load: async () => (await import('../render/servers.ts')).natsAccounts,
  },
  {
    name: 'api-tokens',
    description: "who may use control's API with which scopes; it holds digests of the tokens only",
    example: {
      people: [{ name: 'ada', scopes: ['read', 'work', 'decide'] }],
      peopleTokens: { ada: '…' },
      agentTokens: { athena: '…' },
    },
    load: async () => (await import('../render/api-tokens.ts')).apiTokens,
  },
  {
    name: 'standin-seed',
    description: 'the seed of the chat stand-in; it holds the tokens',
    example: { team: 'olympus', humanToken: '…', bots: { athena: '…' } },
    load: async () => (await import('../render/servers.ts')).standinSeed,
  },
];

/** `olympus render …`: the files that our code defines, for whoever puts them in place. */
export function addRender(parent: Command, context: CliContext): void {
  for (const { name, description, example, load } of DOCUMENTS) {
    parent
      .command(name)
      .description(`print ${description}`)
      .addHelpText(
        'after',
        `
Takes one JSON object on standard input and prints the file. A field that is null counts as absent.

Examples:
  $ olympus render ${name} < values.json

values.json:
${JSON.stringify(example, undefined, 2)}`,
      )
      .action(async () => {
        const [render, input] = await Promise.all([load(), readInput(name, context)]);
        context.out.print(render(input));
      });
  }
}

async function readInput(name: string, { stdin, signal }: CliContext): Promise<string> {
  if (!stdin.isTTY) return text(addAbortSignal(signal, stdin));
  throw usageError(
    'There is nothing on standard input.',
    `Give it a file: olympus render ${name} < values.json`,
  );
}
