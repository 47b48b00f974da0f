import { createHmac } from 'node:crypto';
import type { ServerHostKeyAlgorithm } from 'ssh2';

/** A host key as a line of known_hosts gives it: its type, and the key in base64. */
export interface KnownKey {
  readonly type: string;
  readonly key: string;
}

/** The keys that `alias` may show, out of the text of a known_hosts file. A revoked one is never among them. */
export function knownKeys(text: string, alias: string): KnownKey[] {
  const lines = text.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [hosts = '', type = '', key = ''] = words;
    const counts = key !== '' && !hosts.startsWith('#') && names(hosts, alias);
    return counts ? [{ marker, type, key }] : [];
  });
  const revoked = new Set(lines.filter(({ marker }) => marker === '@revoked').map(({ key }) => key));
  return lines
    .filter(({ marker, key }) => marker === undefined && !revoked.has(key))
    .map(({ type, key }) => ({ type, key }));
}

/** The algorithms a server may prove such keys with, so that it does not offer one we do not know. */
export function algorithmsFor(keys: readonly KnownKey[]): ServerHostKeyAlgorithm[] {
  return [...new Set(keys.flatMap(({ type }) => ALGORITHMS[type] ?? []))];
}

const ALGORITHMS: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** We write whole names; people who add lines themselves may have them hashed. Patterns are not for host keys. */
function names(hosts: string, alias: string): boolean {
  return hosts.split(',').some((host) => {
    const [, version, salt, hash] = host.split('|');
    if (version !== '1' || salt === undefined) return host === alias;
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(alias).digest('base64') === hash;
  });
}
