import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Inventory } from '#provision/inventory/inventory.ts';
import { readInventory } from '#provision/inventory/read-inventory.ts';

export const ROOT = path.resolve(import.meta.dirname, '../../..');

const HOSTS = `---
hypervisors:
  hosts:
    r420: {address: 10.220.1.7, memory_gib: 4, vcpus: 2, disk_gib: 40}
    r720xd: {address: 10.220.1.10, memory_gib: 6, vcpus: 2, disk_gib: 60}

hub:
  hosts:
    hub: {host: r720xd, address: 10.220.1.20, vcpus: 1, memory_mib: 1536, disk_gib: 10, data_gib: 8}

agents:
  hosts:
    athena: {host: r420, address: 10.220.1.50, vcpus: 1, memory_mib: 3072, disk_gib: 12, data_gib: 4}
    apollo:
      host: r720xd
      address: 10.220.1.51
      vcpus: 1
      memory_mib: 3072
      disk_gib: 12
      data_gib: 4

machines:
  children:
    hub:
    agents:
`;

const VARIABLES = `---
fleet: olympus
network_cidr: 10.220.1.0/24
network_dns: []
admin_network: 10.220.1.0/24
hypervisor_user: root
hypervisor_bridge: br0
vm_image_file: base.qcow2
standins_enabled: true
mattermost_url: http://10.220.1.20:8065
mattermost_team: olympus
model_base_url: http://10.220.1.1:11500/v1
model_api: openai-completions
model_id: scripted-1
`;

/** Writes the inventory of a hub and two agents on two hypervisors into `dir`. */
export function writeSmallFleet(dir: string): void {
  mkdirSync(path.join(dir, 'group_vars', 'all'), { recursive: true });
  writeFileSync(path.join(dir, 'hosts.yml'), HOSTS);
  writeFileSync(path.join(dir, 'group_vars', 'all', 'main.yml'), VARIABLES);
}

/** The same, read. */
export function smallFleet(): Inventory {
  const dir = mkdtempSync(path.join(tmpdir(), 'olympus-inventory-'));
  try {
    writeSmallFleet(dir);
    return readInventory(dir, { root: ROOT, alsoKnown: new Set() });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
