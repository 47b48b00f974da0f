import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { fillTemplate } from './fill-template.ts';
import { isoImage } from './iso-image.ts';

/** The files of a NoCloud seed, by name. */
export interface Seed {
  readonly 'user-data': string;
  readonly 'meta-data': string;
  readonly 'network-config': string;
}

/** The pair that a machine proves itself with; made by us, so that it is known before the first connection. */
export interface HostKey {
  readonly privateKey: string;
  readonly publicKey: string;
}

export interface SeedValues {
  readonly name: string;
  readonly fqdn: string;
  readonly user: string;
  readonly authorizedKeys: readonly string[];
  readonly mac: string;
  /** With the length of its network: `10.220.1.50/24`. */
  readonly address: string;
  readonly gateway?: string | undefined;
  readonly dns: readonly string[];
}

/** The seed as a disk image that cloud-init finds by its label (its data source NoCloud, `fs_label`). */
export function seedImage(seed: Seed): Buffer {
  return isoImage('cidata', {
    'user-data': seed['user-data'],
    'meta-data': seed['meta-data'],
    'network-config': seed['network-config'],
  });
}

/** The templates of `cloud-init/`, as text. */
export type SeedTemplates = Seed;

/** Reads the templates of a checkout. */
export function readSeedTemplates(root: string): SeedTemplates {
  const read = (name: string): string => readFileSync(`${root}/cloud-init/${name}`, 'utf8');
  return {
    'user-data': read('user-data'),
    'meta-data': read('meta-data'),
    'network-config': read('network-config'),
  };
}

/**
 * The seed of a machine, with its host key or without. Both have the same instance id, made from everything but
 * the key: an edited seed takes effect at the next boot, an unchanged one never runs again.
 */
export function renderSeed(
  templates: SeedTemplates,
  values: SeedValues,
  hostKey?: HostKey,
): Seed & { instanceId: string } {
  const { name, fqdn, user, authorizedKeys, mac, address, gateway, dns } = values;
  const userData = (key: HostKey | undefined): string =>
    fillTemplate(templates['user-data'], {
      hostname: name,
      fqdn,
      user,
      authorized_keys: authorizedKeys,
      host_keys: key && { ed25519_private: key.privateKey, ed25519_public: key.publicKey },
    });
  const networkConfig = fillTemplate(templates['network-config'], {
    mac,
    addresses: [address],
    routes: gateway === undefined ? undefined : [{ to: '0.0.0.0/0', via: gateway }],
    nameservers: dns.length === 0 ? undefined : { addresses: dns },
  });
  // What it means, not how it is written: an edited comment must not let every machine be born again.
  const meaning = [parse(userData(undefined)), parse(networkConfig), name];
  const digest = createHash('sha256').update(JSON.stringify(meaning));
  const instanceId = `${name}-${digest.digest('hex').slice(0, 16)}`;
  return {
    instanceId,
    'user-data': userData(hostKey),
    'meta-data': fillTemplate(templates['meta-data'], { instance_id: instanceId, hostname: name }),
    'network-config': networkConfig,
  };
}
