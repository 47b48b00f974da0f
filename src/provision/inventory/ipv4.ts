/** An IPv4 network: its first and last address as numbers, and its prefix length. */
export interface Network {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

/** The number of a dotted address; undefined when the text is not one. */
export function addressNumber(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The network of `10.220.1.0/24`; undefined when the text is not one, or names an address inside a network. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', prefixText = ''] = text.split('/');
  const first = addressNumber(address);
  if (first === undefined || !/^(\d|[12]\d|30)$/.test(prefixText)) return undefined;
  const size = 2 ** (32 - Number(prefixText));
  return first % size === 0 ? { first, last: first + size - 1, prefix: Number(prefixText) } : undefined;
}

/** Whether a machine can have the address: inside the network, and neither its first nor its last. */
export function isHostAddress(address: string, network: Network): boolean {
  const number = addressNumber(address);
  return number !== undefined && number > network.first && number < network.last;
}
