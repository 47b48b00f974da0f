import { agentGrants, type Grant, grantsOf, knightGrants } from '#core/permissions.ts';

/** What the server is: a change of it needs a new start. */
export interface ServerInput {
  readonly fleet: string;
  readonly listen: string;
  readonly storeDir: string;
  readonly monitorListen?: string;
  /** Clients must speak TLS, and are shown this certificate. */
  readonly tls?: ServerTls;
}

/** Who may do what there: a running server takes a change of it up. */
export interface AccountsInput {
  readonly fleet: string;
  readonly controlKey: string;
  /** Agent name → public nkey. */
  readonly agentKeys: Readonly<Record<string, string>>;
  /** Public nkey of the user that asks by the older subjects, where there is one. */
  readonly knightKey?: string;
}

/** Absolute paths of PEM files. */
export interface ServerTls {
  readonly certFile: string;
  readonly keyFile: string;
  /** The CA the certificate is from. */
  readonly caFile?: string;
}

/** The configuration of nats-server in one file. */
export function renderServerConfig(
  input: ServerInput & AccountsInput,
  table: readonly Grant[] = agentGrants,
  knights: readonly Grant[] = knightGrants,
): string {
  return `${renderServer(input)}${renderAccounts(input, table, knights)}`;
}

/** The same in two: this one names the file of the accounts beside it. */
export function renderServerWith(input: ServerInput, accountsFile: string): string {
  return `${renderServer(input)}include "${accountsFile}"\n`;
}

function renderServer(input: ServerInput): string {
  return `# nats-server for fleet ${input.fleet}. Generated: changes are lost.
listen: "${input.listen}"
server_name: "olympus-${input.fleet}"
${input.monitorListen ? `http: "${input.monitorListen}"\n` : ''}${input.tls ? tlsBlock(input.tls) : ''}max_payload: 1MB
jetstream {
  store_dir: "${input.storeDir}"
  sync_interval: always
}
`;
}

/**
 * One account for control, which alone has JetStream, and one account per agent that imports exactly its own subjects
 * as services, as the table of core/permissions.ts says. Permissions inside one shared account would not hold: the
 * server never checks the reply subject of what a client publishes.
 */
export function renderAccounts(
  input: AccountsInput,
  table: readonly Grant[] = agentGrants,
  knights: readonly Grant[] = knightGrants,
): string {
  // Sorted, so that the same fleet is the same text.
  const names = Object.entries(input.agentKeys).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const { knightKey } = input;
  const accounts: Account[] = [
    ...names.map(([name, key]) => ({
      account: `AGENT_${name}`,
      key,
      grants: grantsOf(input.fleet, name, table),
    })),
    ...(knightKey ? [{ account: 'KNIGHT', key: knightKey, grants: knights }] : []),
  ];
  return `accounts {
  CONTROL {
    jetstream: enabled
    users: [ { nkey: ${input.controlKey} } ]
    exports: [
${accounts.flatMap(exportsTo).join('\n')}
    ]
    imports: [
${accounts.flatMap(importsFrom).join('\n')}
    ]
  }
${accounts.map(accountBlock).join('\n')}
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

/** The account of somebody other than control. */
interface Account {
  readonly account: string;
  readonly key: string;
  readonly grants: readonly Grant[];
}

function accountBlock({ account, key, grants }: Account): string {
  const calls = grants.filter(({ does }) => does === 'call');
  const serves = grants.filter(({ does }) => does === 'serve');
  const listens = grants.filter(({ does }) => does !== 'call');
  return `  ${account} {
    users: [ { nkey: ${key}, permissions: {
      publish: { allow: [${quoted(calls)}] }
      subscribe: { allow: [${quoted(listens)}] }
      allow_responses: { max: 1, expires: "30s" }
    } } ]
    exports: [
${serves.map(({ subject }) => `      { service: "${subject}", accounts: [CONTROL] }`).join('\n')}
    ]
    imports: [
${grants.flatMap(importOf).join('\n')}
    ]
  }`;
}

/** What the account takes of control's. */
function importOf({ does, subject }: Grant): string[] {
  if (does !== 'call' && does !== 'hear') return [];
  const kind = does === 'call' ? 'service' : 'stream';
  return [`      { ${kind}: { account: CONTROL, subject: "${subject}" } }`];
}

/** What control's account offers to this one. */
function exportsTo({ account, grants }: Account): string[] {
  return grants.flatMap(({ does, subject, manyAnswers }) => {
    if (does === 'hear') return [`      { stream: "${subject}", accounts: [${account}] }`];
    if (does !== 'call') return [];
    const stream = manyAnswers ? ', response_type: stream' : '';
    return [`      { service: "${subject}"${stream}, accounts: [${account}] }`];
  });
}

/** What control's account reaches of this one. */
function importsFrom({ account, grants }: Account): string[] {
  return grants
    .filter(({ does }) => does === 'serve')
    .map(({ subject }) => `      { service: { account: ${account}, subject: "${subject}" } }`);
}

function quoted(grants: readonly Grant[]): string {
  return grants.map(({ subject }) => `"${subject}"`).join(', ');
}
