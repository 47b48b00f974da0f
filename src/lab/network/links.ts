import { createHash } from 'node:crypto';
import { z } from 'zod';
import { run } from '../run.ts';

/** A network device of a namespace, as far as it matters here. */
export interface Link {
  readonly name: string;
  /** The bridge it is a port of. */
  readonly master: string | undefined;
  readonly alias: string | undefined;
  readonly up: boolean;
  readonly mac: string | undefined;
  /** `10.220.1.1/24`. */
  readonly addresses: readonly string[];
}

const IpAddressOutput = z.array(
  z.object({
    ifname: z.string().optional(),
    master: z.string().optional(),
    ifalias: z.string().optional(),
    address: z.string().optional(),
    flags: z.array(z.string()).default([]),
    addr_info: z.array(z.object({ local: z.string().optional(), prefixlen: z.int().optional() })).default([]),
  }),
);

/** The devices in a namespace, with their IPv4 addresses. */
export async function readLinks(namespace: string, signal: AbortSignal): Promise<Link[]> {
  const printed = await run('ip', ['-n', namespace, '-4', '-json', 'address', 'show'], { signal });
  const all = await run('ip', ['-n', namespace, '-json', 'link', 'show'], { signal });
  const addresses = IpAddressOutput.parse(JSON.parse(printed || '[]'));
  // Devices without an IPv4 address are missing from the first list, and only the second one is whole.
  return IpAddressOutput.parse(JSON.parse(all || '[]')).flatMap((link) => {
    const { ifname: name, master, ifalias: alias, address: mac, flags } = link;
    if (name === undefined) return [];
    const found = addresses.find((each) => each.ifname === name)?.addr_info ?? [];
    return {
      name,
      master,
      alias,
      up: flags.includes('UP'),
      mac,
      addresses: found.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    };
  });
}

/** Runs `ip` commands in a namespace, in order, in one process; nothing happens for none. */
export async function changeLinks(
  namespace: string,
  commands: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (commands.length === 0) return;
  await run('ip', ['-n', namespace, '-batch', '-'], { signal, input: `${commands.join('\n')}\n` });
}

/** A hardware address that is always the same for the same words; locally administered (IEEE 802, bit 1). */
export function stableMac(...words: readonly string[]): string {
  const bytes = createHash('sha256').update(words.join('/')).digest().subarray(0, 5);
  return ['02', ...Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
