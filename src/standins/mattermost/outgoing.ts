import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/** How long the server waits for an integration (facts §3.7: 30 s). */
const TIMEOUT_MS = 30_000;

const PRIVATE_NETWORKS: readonly [network: string, prefix: number, family: 'ipv4' | 'ipv6'][] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['::1', 128, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
];

/** What an integration answered. */
export interface IntegrationAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Sends requests to integrations. A private or loopback address must be on the list of names and CIDRs
 * (AllowedUntrustedInternalConnections); otherwise no request is made (facts §3.7).
 */
export class OutgoingRequests {
  readonly #allowed: readonly string[];
  readonly #stopping = new AbortController();

  constructor(allowed: readonly string[]) {
    this.#allowed = allowed;
  }

  /** The answer, or undefined when the address is not allowed, nobody listens or the time is up. */
  async post(url: string, body: unknown): Promise<IntegrationAnswer | undefined> {
    try {
      if (!(await this.#mayReach(new URL(url).hostname))) return undefined;
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'user-agent': 'Mattermost-Bot/1.1',
          accept: 'application/json',
          'content-type': 'application/json',
        },
        body: JSON.stringify(body),
        signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#stopping.signal]),
      });
      return { status: response.status, text: await response.text() };
    } catch {
      // The clicker is told that the integration failed, whatever the reason: that is the protocol.
      return undefined;
    }
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #mayReach(host: string): Promise<boolean> {
    const name = host.replace(/^\[|\]$/g, '');
    if (this.#allowed.includes(name)) return true;
    const { address } = isIP(name) ? { address: name } : await lookup(name);
    const networks = this.#allowed.map(networkOf).filter((network) => network !== undefined);
    return !isIn(address, PRIVATE_NETWORKS) || isIn(address, networks);
  }
}

function networkOf(entry: string): [string, number, 'ipv4' | 'ipv6'] | undefined {
  const [network = '', prefix = ''] = entry.split('/');
  if (isIP(network) === 0 || prefix === '') return undefined;
  return [network, Number(prefix), isIP(network) === 4 ? 'ipv4' : 'ipv6'];
}

function isIn(address: string, networks: typeof PRIVATE_NETWORKS): boolean {
  const list = new BlockList();
  for (const [network, prefix, family] of networks) list.addSubnet(network, prefix, family);
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
