import { agentGrants, type Grant, grantsOf } from '#core/permissions.ts';

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
 * agent that imports exactly its own subjects as services, as the table of core/permissions.ts says. Permissions
 * inside one shared account would not hold: the server never checks the reply subject of what a client publishes.
 */
export function renderServerConfig(input: ServerConfigInput, table: readonly Grant[] = agentGrants): string {
  // Sorted, so that the same fleet is the same text.
  const names = Object.entries(input.agentKeys).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const agents = names.map(([name, key]) => ({ name, key, grants: grantsOf(input.fleet, name, table) }));
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
${agents.flatMap(exportsTo).join('\n')}
    ]
    imports: [
${agents.flatMap(importsFrom).join('\n')}
    ]
  }
${agents.map(agentAccount).join('\n')}
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

interface AgentAccount {
  readonly name: string;
  readonly key: string;
  readonly grants: readonly Grant[];
}

function agentAccount({ name, key, grants }: AgentAccount): string {
  const calls = grants.filter(({ does }) => does === 'call');
  const serves = grants.filter(({ does }) => does === 'serve');
  const listens = grants.filter(({ does }) => does !== 'call');
  return `  ${accountOf(name)} {
    users: [ { nkey: ${key}, permissions: {
      publish: { allow: [${quoted(calls)}] }
      subscribe: { allow: [${quoted(listens)}] }
      allow_responses: { max: 1, expires: "30s" }
    } } ]
    exports: [
${serves.map(({ subject }) => `      { service: "${subject}", accounts: [CONTROL] }`).join('\n')}
    ]
    imports: [
${calls.map(({ subject }) => `      { service: { account: CONTROL, subject: "${subject}" } }`).join('\n')}
    ]
  }`;
}

/** What control's account offers to this agent. */
function exportsTo({ name, grants }: AgentAccount): string[] {
  return grants
    .filter(({ does }) => does === 'call')
    .map(({ subject, manyAnswers }) => {
      const stream = manyAnswers ? ', response_type: stream' : '';
      return `      { service: "${subject}"${stream}, accounts: [${accountOf(name)}] }`;
    });
}

/** What control's account reaches of this agent. */
function importsFrom({ name, grants }: AgentAccount): string[] {
  return grants
    .filter(({ does }) => does === 'serve')
    .map(({ subject }) => `      { service: { account: ${accountOf(name)}, subject: "${subject}" } }`);
}

function quoted(grants: readonly Grant[]): string {
  return grants.map(({ subject }) => `"${subject}"`).join(', ');
}

function accountOf(agent: string): string {
  return `AGENT_${agent}`;
}
