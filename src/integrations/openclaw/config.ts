/** What decides the configuration of one agent's gateway. Paths are absolute; secrets are only named by file. */
export interface GatewayConfigOptions {
  readonly agentName: string;
  readonly workspaceDir: string;
  /** OpenClaw's own state (`OPENCLAW_STATE_DIR`). */
  readonly stateDir: string;
  /** The folder of the npm package `openclaw`. */
  readonly packageDir: string;
  readonly port: number;
  readonly gatewayTokenFile: string;
  readonly modelKeyFile: string;
  /** With `/v1` for openai-completions, without it for anthropic-messages. */
  readonly modelBaseUrl: string;
  readonly modelApi: 'openai-completions' | 'anthropic-messages';
  readonly modelId: string;
  readonly contextWindow?: number;
  readonly maxOutputTokens?: number;
  /** In units of currency per million tokens; the gateway multiplies them into the cost of every turn. */
  readonly modelCost?: ModelCost;
  readonly runTimeoutSeconds?: number;
  readonly concurrency?: number;
  /** How long one request to the provider may be silent. */
  readonly providerTimeoutSeconds?: number;
  /** `loopback`, the default; or the address on the network that the gateway listens on besides. */
  readonly bind?: 'loopback' | { readonly address: string };
  /** Whether people decide on each command in the shell; `full`, the default: nobody does. */
  readonly execMode?: 'full' | 'ask';
  /** Other addresses a browser may open the dashboard from. */
  readonly allowedOrigins?: readonly string[];
}

export interface ModelCost {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
}

/** The agent id every gateway of ours has exactly one of. */
export const AGENT_ID = 'main';

const FREE: ModelCost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };

/** Tools that would let an agent change its own gateway, schedule itself or reach other machines. */
const DENIED_TOOLS = [
  'openclaw',
  'gateway',
  'plugins',
  'automations',
  'nodes',
  'computer',
  'mobile_ui',
  'secrets',
  'skill_workshop',
  'terminal',
  'portal',
  'screen',
  'theme',
];

/** Where commands wait for people: what a sub-agent wants to run would wait in a session that is nobody's. */
const DENIED_WHERE_ASKED = ['sessions_spawn'];

/**
 * The content of `openclaw.json`: loopback only unless told otherwise, secrets as files, everything off that would spend tokens or
 * change the agent by itself (heartbeat, dreaming, skill workshop, session observer, automations).
 */
export function renderGatewayConfig(options: GatewayConfigOptions) {
  const {
    agentName,
    workspaceDir,
    modelId,
    runTimeoutSeconds = 1_800,
    concurrency = 2,
    providerTimeoutSeconds = 300,
    execMode = 'full',
  } = options;
  return {
    gateway: renderGateway(options),
    secrets: {
      providers: {
        gw: { source: 'file', path: options.gatewayTokenFile, mode: 'singleValue' },
        llm: { source: 'file', path: options.modelKeyFile, mode: 'singleValue' },
      },
    },
    models: {
      mode: 'replace',
      catalogRefresh: { enabled: false },
      providers: { olympus: renderProvider(options, providerTimeoutSeconds) },
    },
    agents: {
      defaults: {
        workspace: workspaceDir,
        skipBootstrap: true,
        model: { primary: `olympus/${modelId}` },
        timeoutSeconds: runTimeoutSeconds,
        maxConcurrent: concurrency,
        heartbeat: { every: '0m' },
      },
      entries: {
        [AGENT_ID]: { name: agentName, workspace: workspaceDir, identity: { name: agentName } },
      },
    },
    tools: {
      profile: 'coding',
      deny: [...DENIED_TOOLS, ...(execMode === 'ask' ? DENIED_WHERE_ASKED : [])],
      exec: { mode: execMode, timeoutSeconds: 900, notifyOnExit: false },
      loopDetection: { enabled: true },
      elevated: { enabled: false },
      agentToAgent: { enabled: false },
    },
    skills: { allowBundled: ['none'], workshop: { autonomous: { mode: 'off' } } },
    plugins: {
      allow: ['memory-core'],
      entries: { 'memory-core': { config: { dreaming: { enabled: false } } } },
    },
    session: {
      maintenance: { mode: 'enforce', pruneAfter: '14d', maxEntries: 1_000, maxDiskBytes: '2gb' },
    },
    browser: { enabled: false },
    discovery: { mdns: { mode: 'off' } },
    update: { checkOnStart: false, auto: { enabled: false } },
    // At consoleLevel info the gateway prints every reply of the agent, that is, into the journal.
    logging: { level: 'info', consoleLevel: 'warn', file: `${options.stateDir}/logs/gateway.log` },
  };
}

function renderGateway({
  port,
  agentName,
  packageDir,
  bind = 'loopback',
  allowedOrigins = [],
}: GatewayConfigOptions) {
  const address = bind === 'loopback' ? undefined : bind.address;
  const hosts = ['127.0.0.1', ...(address ? [address] : [])];
  return {
    mode: 'local',
    port,
    // On a custom address it listens on 127.0.0.1 as well, where the daemon is.
    ...(address ? { bind: 'custom', customBindHost: address } : { bind: 'loopback' }),
    auth: { mode: 'token', token: { source: 'file', provider: 'gw', id: 'value' }, rateLimit: {} },
    http: { endpoints: { chatCompletions: { enabled: true }, responses: { enabled: true } } },
    terminal: { enabled: false },
    cliAgents: { enabled: false },
    controlUi: {
      enabled: true,
      // Named, or each start copies it, 1,800 files, into the state and reads them all (docs/decisions/0031).
      root: `${packageDir}/dist/control-ui`,
      sessionObserver: false,
      communityInvite: false,
      automaticallyFetchFavicons: false,
      allowedOrigins: [...hosts.map((host) => `http://${host}:${port}`), ...allowedOrigins],
      environment: { label: agentName, color: 'teal' },
    },
  };
}

function renderProvider(options: GatewayConfigOptions, timeoutSeconds: number) {
  const { modelId, contextWindow = 128_000, maxOutputTokens = 8_192, modelCost = FREE } = options;
  return {
    baseUrl: options.modelBaseUrl,
    api: options.modelApi,
    apiKey: { source: 'file', provider: 'llm', id: 'value' },
    timeoutSeconds,
    models: [
      {
        id: modelId,
        name: modelId,
        reasoning: false,
        input: ['text'],
        contextWindow,
        maxTokens: maxOutputTokens,
        cost: modelCost,
      },
    ],
  };
}

/** How long the gateway itself goes on trying when the model provider fails. */
export interface ProviderRetryOptions {
  /** Retries after the first call of a turn that failed with 429, 5xx or a broken connection; default 2. */
  readonly maxRetries?: number;
  /** The longest wait a provider's Retry-After may impose; default 20 s. */
  readonly maxRetryDelayMs?: number;
}

/**
 * The content of `<stateDir>/agents/main/agent/settings.json`. It is the only place the gateway reads its
 * retry budget from: openclaw.json has no key for it, and without this a 429 takes 10 attempts (150 s).
 */
export function renderAgentSettings({ maxRetries = 2, maxRetryDelayMs = 20_000 }: ProviderRetryOptions = {}) {
  return { retry: { provider: { maxRetries, maxRetryDelayMs } } };
}

/** Where `renderAgentSettings` belongs. */
export function agentSettingsPath(stateDir: string): string {
  return `${stateDir}/agents/${AGENT_ID}/agent/settings.json`;
}
