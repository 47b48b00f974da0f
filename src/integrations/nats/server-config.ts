import { streamNames } from '#core/streams.ts';

export interface ServerConfigInput {
  readonly fleet: string;
  readonly listen: string;
  readonly storeDir: string;
  readonly controlKey: string;
  /** Agent name → public nkey. */
  readonly agentKeys: Readonly<Record<string, string>>;
  readonly monitorListen?: string;
  /** Clients must speak TLS, and are shown this certificate. */
  readonly tls?: ServerTls;
}

/** Absolute paths of PEM files. */
export interface ServerTls {
  readonly certFile: string;
  readonly keyFile: string;
  /** The CA the certificate is from. */
  readonly caFile?: string;
}

/**
 * The configuration of nats-server: one account for control, which alone has JetStream, and one account per
 * agent that imports exactly its own subjects as services. Permissions inside one shared account would not
 * hold: the server never checks the reply subject of what a client publishes.
 */
export function renderServerConfig(input: ServerConfigInput): string {
  // Sorted, so that the same fleet is the same text.
  const names = Object.entries(input.agentKeys).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const agents = names.map(([name, key]) => ({
    name,
    key,
    ...grantsOf(input.fleet, name),
  }));
  return `# nats-server for fleet ${input.fleet}. Generated: changes are lost.
listen: "${input.listen}"
server_name: "olympus-${input.fleet}"
${input.monitorListen ? `http: "${input.monitorListen}"\n` : ''}${input.tls ? tlsBlock(input.tls) : ''}max_payload: 1MB
jetstream {
  store_dir: "${input.storeDir}"
  sync_interval: always
}
accounts {
  CONTROL {
    jetstream: enabled
    users: [ { nkey: ${input.controlKey} } ]
    exports: [
${agents.flatMap((agent) => agent.services.map((subject) => exportLine(agent.name, subject))).join('\n')}
    ]
    imports: [
${agents.map((agent) => `      { service: { account: ${accountOf(agent.name)}, subject: "${agent.control}" } }`).join('\n')}
    ]
  }
${agents.map((agent) => agentAccount(agent)).join('\n')}
}
`;
}

function tlsBlock({ certFile, keyFile, caFile }: ServerTls): string {
  // The default of two seconds is less than a handshake takes on a machine that is emulated or starved.
  return `tls {
  timeout: 20
  cert_file: "${certFile}"
  key_file: "${keyFile}"
${caFile ? `  ca_file: "${caFile}"\n` : ''}}
`;
}

interface AgentGrants {
  readonly name: string;
  readonly key: string;
  readonly services: readonly string[];
  readonly control: string;
  readonly inbox: string;
}

function grantsOf(fleet: string, agent: string): Omit<AgentGrants, 'name' | 'key'> {
  const pulls = [streamNames.tasks, streamNames.deliveries];
  return {
    services: [
      `${fleet}.requests.${agent}.>`,
      `${fleet}.runs.${agent}.>`,
      `${fleet}.results.*.${agent}.*`,
      `${fleet}.heartbeat.${agent}`,
      ...pulls.map((stream) => `$JS.API.CONSUMER.MSG.NEXT.${stream}.${agent}`),
      ...pulls.map((stream) => `$JS.ACK.${stream}.${agent}.>`),
    ],
    control: `${fleet}.control.${agent}.>`,
    inbox: `_INBOX_${agent}.>`,
  };
}

function agentAccount(agent: AgentGrants): string {
  const quoted = agent.services.map((subject) => `"${subject}"`).join(', ');
  return `  ${accountOf(agent.name)} {
    users: [ { nkey: ${agent.key}, permissions: {
      publish: { allow: [${quoted}] }
      subscribe: { allow: ["${agent.inbox}", "${agent.control}"] }
      allow_responses: { max: 1, expires: "30s" }
    } } ]
    exports: [ { service: "${agent.control}", accounts: [CONTROL] } ]
    imports: [
${agent.services.map((subject) => `      { service: { account: CONTROL, subject: "${subject}" } }`).join('\n')}
    ]
  }`;
}

function exportLine(agent: string, subject: string): string {
  const stream = subject.includes('MSG.NEXT') ? ', response_type: stream' : '';
  return `      { service: "${subject}"${stream}, accounts: [${accountOf(agent)}] }`;
}

function accountOf(agent: string): string {
  return `AGENT_${agent}`;
}
