import { Document, isMap, parseDocument } from 'yaml';
import { newUserKey } from '#integrations/nats/keys.ts';
import { newNonce } from '#lib/id.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { certificateProblem, newAuthority, newServerCertificate, type TlsOptions } from './tls.ts';
import { VaultError } from './vault.ts';

/** The secrets of a fleet as YAML, completed. */
export interface CompletedSecrets {
  readonly text: string;
  /** What was added, such as `vault_agents.athena.nats_seed`; nothing else changed. */
  readonly added: readonly string[];
  /** What somebody has to look at: values that only a person can give, certificates that no longer fit. */
  readonly notes: readonly string[];
}

export interface SecretsOptions extends TlsOptions {
  readonly nowMs: number;
}

type Path = readonly string[];

/** Adds every secret that the fleet needs and the text does not have; a value that is there is never changed. */
export async function completeSecrets(
  before: string,
  inventory: Inventory,
  options: SecretsOptions,
): Promise<CompletedSecrets> {
  const document = parseSecrets(before);
  const added: string[] = [];
  const notes: string[] = [];
  const add = (path: Path, make: () => string): void => {
    if (document.hasIn(path)) return;
    document.setIn(path, make());
    added.push(path.join('.'));
  };

  await completeTls({ document, add, notes }, inventory, options);
  add(['vault_control_nats_seed'], () => newUserKey().seed);
  add(['vault_control_api_token'], newNonce);
  if (inventory.variables.knight_user) add(['vault_knight_nats_seed'], () => newUserKey().seed);
  const { github } = inventory.variables;
  if (github) {
    add(['vault_github_webhook_secret'], newNonce);
    // GitHub makes them, once its Apps or accounts are there.
    for (const name of Object.keys(github.agents)) {
      const key: Path = ['vault_agents', name, 'github_key'];
      add(key, () => '');
      if (document.getIn(key) === '') notes.push(`${key.join('.')} is empty: write it yourself.`);
    }
  }
  for (const { name } of inventory.variables.api_tokens) add(['vault_api_tokens', name], newNonce);
  // Stand-ins take whatever token they are seeded with; a real service gives its own, and a person writes it here.
  const { standins_enabled: standins, mattermost_host: chatHost } = inventory.variables;
  if (standins) add(['vault_chat_human_token'], newNonce);
  if (chatHost !== undefined)
    for (const name of ['vault_mattermost_admin_password', 'vault_mattermost_db_password'])
      add([name], newNonce);
  for (const { name } of inventory.machines.filter(({ group }) => group === 'agents')) {
    const agent = (field: string): Path => ['vault_agents', name, field];
    add(agent('nats_seed'), () => newUserKey().seed);
    add(agent('gateway_token'), newNonce);
    add(agent('api_token'), newNonce);
    for (const field of ['mattermost_token', 'model_key']) {
      add(agent(field), () => (standins ? newNonce() : ''));
      // Setup makes the accounts of a chat server of ours, and writes their tokens here.
      const comes = field === 'mattermost_token' && chatHost !== undefined;
      if (document.getIn(agent(field)) === '' && !comes)
        notes.push(`${agent(field).join('.')} is empty: write it yourself.`);
    }
  }
  return { text: document.toString({ lineWidth: 0 }), added, notes };
}

interface Target {
  readonly document: Document;
  readonly add: (path: Path, make: () => string) => void;
  readonly notes: string[];
}

async function completeTls(
  { document, add, notes }: Target,
  inventory: Inventory,
  options: SecretsOptions,
): Promise<void> {
  const hub = inventory.machines.find(({ group }) => group === 'hub');
  if (!hub) throw new Error('an inventory without a hub passed its checks');
  const server = { address: hub.address, names: [hub.name, `${hub.name}.${inventory.domain}`] };
  let authority = pair(document, 'vault_nats_ca_key', 'vault_nats_ca_cert');
  const existing = pair(document, 'vault_nats_server_key', 'vault_nats_server_cert');
  if (!authority && existing) {
    throw new VaultError(
      'The secrets hold a server certificate of NATS, but not the authority that signed it.',
      'Restore vault_nats_ca_key and vault_nats_ca_cert, or remove vault_nats_server_key and vault_nats_server_cert.',
    );
  }
  if (!authority) {
    const made = await newAuthority(`${inventory.fleet} bus`, options);
    add(['vault_nats_ca_key'], () => made.key);
    add(['vault_nats_ca_cert'], () => made.certificate);
    authority = made;
  }
  if (!existing) {
    const made = await newServerCertificate(server, authority, options);
    add(['vault_nats_server_cert'], () => made.certificate);
    add(['vault_nats_server_key'], () => made.key);
    return;
  }
  const problem = certificateProblem(existing.certificate, server, options.nowMs);
  if (problem) {
    notes.push(
      `vault_nats_server_cert no longer serves: ${problem}. Remove it and vault_nats_server_key, then run this again.`,
    );
  }
}

/** Both halves, or neither; one alone is an accident that only a person can mend. */
function pair(
  document: Document,
  keyName: string,
  certificateName: string,
): { key: string; certificate: string } | undefined {
  const key = document.get(keyName);
  const certificate = document.get(certificateName);
  if (typeof key === 'string' && typeof certificate === 'string') return { key, certificate };
  if (key === undefined && certificate === undefined) return undefined;
  const [there, missing] = key === undefined ? [certificateName, keyName] : [keyName, certificateName];
  throw new VaultError(
    `The secrets hold ${there} without ${missing}.`,
    `Restore ${missing}, or remove ${there}.`,
  );
}

/** The decrypted secrets, to be changed with their comments kept. */
export function parseSecrets(text: string): Document {
  if (text.trim() === '') return new Document({});
  const document: Document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  // The parser's own words may quote what stands there.
  if (error) {
    throw new VaultError(
      `The decrypted secrets are not YAML (${error.code} at character ${error.pos[0]}).`,
      'Mend them with ansible-vault edit.',
    );
  }
  const agents = document.get('vault_agents');
  if (!isMap(document.contents) || (agents !== undefined && !isMap(agents))) {
    throw new VaultError(
      'The decrypted secrets are not a map of vault_… variables, with one map for each agent in vault_agents.',
      'Mend them with ansible-vault edit.',
    );
  }
  return document;
}
