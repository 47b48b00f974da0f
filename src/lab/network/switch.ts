import { createHash } from 'node:crypto';
import type { LabNames } from '../lab-names.ts';
import { changeLinks, type Link, readLinks, stableMac } from './links.ts';
import { ensureNamespace } from './namespace.ts';

const SWITCH_BRIDGE = 'sw0';
const HYPERVISOR_BRIDGE = 'br0';

const UPLINK = 'eth0';
const LONGEST_DEVICE_NAME = 15;

export interface SwitchOptions {
  readonly address: string;
  /** Of the network: 24. */
  readonly prefix: number;
  readonly signal: AbortSignal;
}

/** The lab's switch: a namespace with a bridge that has an address and no way out. May run again and again. */
export async function ensureSwitch(names: LabNames, options: SwitchOptions): Promise<void> {
  const { address, prefix, signal } = options;
  const namespace = names.switchNamespace;
  await ensureNamespace(namespace, names.mark, signal);
  const links = await readLinks(namespace, signal);
  const mac = stableMac(names.id, 'switch');
  const wanted = { name: SWITCH_BRIDGE, mac, address: `${address}/${prefix}` };
  await changeLinks(namespace, bridgeChanges(links, wanted), signal);
}

/** The namespace of a hypervisor: a bridge with its address, and a cable from it to the switch. */
export async function ensureHypervisorNetwork(
  names: LabNames,
  hypervisor: { readonly name: string; readonly address: string },
  options: { readonly prefix: number; readonly signal: AbortSignal },
): Promise<void> {
  const { prefix, signal } = options;
  const namespace = names.namespaceOf(hypervisor.name);
  await ensureNamespace(namespace, names.mark, signal);
  const port = portName(hypervisor.name);
  const atSwitch = await readLinks(names.switchNamespace, signal);
  const inside = await readLinks(namespace, signal);
  const bridge = {
    name: HYPERVISOR_BRIDGE,
    mac: stableMac(names.id, hypervisor.name),
    address: `${hypervisor.address}/${prefix}`,
  };
  await changeLinks(
    names.switchNamespace,
    cableChanges(atSwitch, inside, { port, peerNamespace: namespace }),
    signal,
  );
  await changeLinks(namespace, [...bridgeChanges(inside, bridge), ...uplinkChanges(inside)], signal);
}

/** What is missing of a bridge with an address. Its hardware address is fixed, or it would follow its ports'. */
export function bridgeChanges(
  links: readonly Link[],
  wanted: { readonly name: string; readonly mac: string; readonly address: string },
): string[] {
  const { name, mac, address } = wanted;
  const bridge = links.find((link) => link.name === name);
  return [
    ...(bridge ? [] : [`link add name ${name} address ${mac} type bridge`]),
    ...(bridge && bridge.mac !== mac ? [`link set dev ${name} address ${mac}`] : []),
    ...(bridge?.addresses.includes(address) ? [] : [`address add ${address} dev ${name}`]),
    ...(bridge?.up ? [] : [`link set dev ${name} up`]),
  ];
}

/** What is missing of the cable, seen from the switch. A half of one is removed, which removes the other half. */
function cableChanges(
  atSwitch: readonly Link[],
  inside: readonly Link[],
  cable: { readonly port: string; readonly peerNamespace: string },
): string[] {
  const { port, peerNamespace } = cable;
  const here = atSwitch.find((link) => link.name === port);
  const there = inside.some((link) => link.name === UPLINK);
  const whole = here !== undefined && there;
  return [
    ...(here && !there ? [`link delete dev ${port}`] : []),
    ...(whole ? [] : [`link add name ${port} type veth peer name ${UPLINK} netns ${peerNamespace}`]),
    ...(whole && here.master === SWITCH_BRIDGE ? [] : [`link set dev ${port} master ${SWITCH_BRIDGE}`]),
    ...(whole && here.up ? [] : [`link set dev ${port} up`]),
  ];
}

function uplinkChanges(inside: readonly Link[]): string[] {
  const uplink = inside.find((link) => link.name === UPLINK);
  return [
    ...(uplink?.master === HYPERVISOR_BRIDGE ? [] : [`link set dev ${UPLINK} master ${HYPERVISOR_BRIDGE}`]),
    ...(uplink?.up ? [] : [`link set dev ${UPLINK} up`]),
  ];
}

/** A device name for the hypervisor's port; long names are cut and told apart by a digest. */
export function portName(hypervisor: string): string {
  const name = `to-${hypervisor}`;
  if (name.length <= LONGEST_DEVICE_NAME) return name;
  const digest = createHash('sha256').update(hypervisor).digest('hex').slice(0, 5);
  return `${name.slice(0, LONGEST_DEVICE_NAME - digest.length - 1)}-${digest}`;
}
