import { z } from 'zod';
import { ChatAccess } from '#core/chat-access.ts';
import { GithubSettings } from '#core/github-settings.ts';
import { ApiTokenGrant, oneAccountEach } from '#core/scopes.ts';
import { FleetId } from '#core/tokens.ts';
import { addressNumber, parseNetwork } from './ipv4.ts';

const PUBLIC_KEY = /^(ssh-(ed25519|rsa)|ecdsa-sha2-\S+|sk-\S+) [A-Za-z0-9+/=]+( .*)?$/;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

const Address = z
  .string('write an IPv4 address, such as 10.220.1.50')
  .refine((text) => addressNumber(text) !== undefined, 'write an IPv4 address, such as 10.220.1.50');
const NetworkCidr = z
  .string('write a network, such as 10.220.1.0/24')
  .refine(
    (text) => parseNetwork(text) !== undefined,
    'write a network with its length, such as 10.220.1.0/24; the address part is the first of the network',
  );
const YesOrNo = z.boolean('write true or false');
const FileName = z.string('write a file name').regex(FILE_NAME, 'write the name of a file, without a folder');
const Text = z.string('write a text').min(1, 'write something, or leave the field out');

/** Variables that may be given for all hypervisors, or for one. */
const hypervisorVariables = {
  hypervisor_user: Text,
  hypervisor_become: YesOrNo,
  hypervisor_bridge: Text,
  hypervisor_network: Text,
  vm_domain_type: z.enum(['auto', 'kvm', 'qemu'], 'write auto, kvm or qemu'),
};

/** A hypervisor in hosts.yml. */
export const HypervisorEntry = z
  .strictObject({
    address: Address,
    memory_gib: whole('GiB of memory', 32),
    vcpus: whole('hardware threads', 8),
    disk_gib: whole('GiB of disk', 800),
    ansible_connection: z.enum(['ssh', 'local'], 'write ssh or local').default('ssh'),
    ...hypervisorVariables,
  })
  .partial({
    hypervisor_user: true,
    hypervisor_become: true,
    hypervisor_bridge: true,
    hypervisor_network: true,
    vm_domain_type: true,
  });
export type HypervisorEntry = z.output<typeof HypervisorEntry>;

/** The hub or an agent in hosts.yml. */
export const MachineEntry = z.strictObject({
  host: z.string('name the hypervisor that it lives on: host: r420').optional(),
  address: Address,
  profile: z.enum(['light', 'medium', 'heavy'], 'write light, medium or heavy').optional(),
  vcpus: whole('virtual CPUs', 4).optional(),
  memory_mib: whole('MiB of memory', 8192).min(256, 'write at least 256 MiB').optional(),
  disk_gib: whole('GiB of root disk', 250).default(250),
  data_gib: whole('GiB of data disk', 20).default(20),
  mac: z
    .string('write a MAC address in quotes')
    .regex(
      /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/,
      'write a unicast MAC address in lower case and in quotes, such as "52:54:00:12:34:56"',
    )
    .optional(),
  openclaw_bind: z.enum(['loopback', 'lan'], 'write loopback or lan').optional(),
});
export type MachineEntry = z.output<typeof MachineEntry>;

/** `group_vars/all/main.yml`: what is true for the whole fleet. */
export const FleetVariables = z.strictObject({
  fleet: FleetId,
  network_cidr: NetworkCidr,
  network_gateway: Address.optional(),
  network_dns: z.array(Address, 'write a list of addresses, such as [10.220.1.1]').default([]),
  network_domain: Text.optional(),
  admin_network: NetworkCidr,
  ...hypervisorVariables,
  hypervisor_become: YesOrNo.default(false),
  hypervisor_bridge: Text.default('br0'),
  hypervisor_network: Text.optional(),
  hypervisor_vcpu_overcommit: z.number('write a number').min(1, 'write at least 1').default(4),
  vm_domain_type: hypervisorVariables.vm_domain_type.default('auto'),
  hypervisor_has_systemd: YesOrNo.optional(),
  vm_image_file: FileName.optional(),
  vm_image_manifest: Text.optional(),
  vm_image_url: Text.optional(),
  vm_image_sha256: z
    .string('write the checksum in quotes')
    .regex(/^[0-9a-f]{64}$/, 'write 64 hexadecimal digits, in quotes')
    .optional(),
  vm_kernel_file: FileName.optional(),
  vm_initrd_file: FileName.optional(),
  vm_kernel_options: Text.default('root=LABEL=rootfs rw console=ttyS0 quiet systemd.show_status=1'),
  vm_cpu_model: Text.optional(),
  vm_disk_cache: z
    .enum(['none', 'writeback', 'unsafe'], 'write none, writeback or unsafe')
    .default('writeback'),
  vm_tcg_tb_size_mib: whole('MiB', 256).optional(),
  vm_authorized_keys: z
    .array(z.string('write a public key').regex(PUBLIC_KEY, 'write a public SSH key: ssh-ed25519 AAAA…'))
    .default([]),
  vm_boot_progress_timeout_seconds: whole('seconds', 240).default(240),
  vm_boot_timeout_seconds: whole('seconds', 900).default(900),
  vm_boot_parallel: whole('machines', 4).default(4),
  slow_machines: YesOrNo.default(false),
  agents_at_once: whole('agents', 4).optional(),
  api_tokens: z
    .array(ApiTokenGrant, 'write a list such as [{name: ada, scopes: [read, work]}]')
    .refine(
      (people) => new Set(people.map(({ name }) => name.toLowerCase())).size === people.length,
      'a name stands there twice, capitals aside: give each person one entry',
    )
    .refine(oneAccountEach.holds, oneAccountEach.message)
    .default([]),
  chat_access: ChatAccess.optional(),
  agent_pair_per_day: whole('requests', 30).optional(),
  github: GithubSettings.optional(),
  knight_user: YesOrNo.default(false),
  standins_enabled: YesOrNo.default(false),
  mattermost_url: z.url({ protocol: /^https?$/, error: 'write an address such as http://10.220.1.10:8065' }),
  mattermost_addresses: z.array(Address, 'write a list of addresses, such as [10.220.1.10]').default([]),
  mattermost_team: Text,
  mattermost_host: z
    .string('name the hypervisor that chat is set up on, such as r720xd, or leave the field out')
    .min(1, 'name the hypervisor that chat is set up on, such as r720xd, or leave the field out')
    .optional(),
  model_base_url: z.url({
    protocol: /^https?$/,
    error: 'write an address such as https://api.anthropic.com',
  }),
  model_api: z.enum(
    ['openai-completions', 'anthropic-messages'],
    'write openai-completions or anthropic-messages',
  ),
  model_id: Text,
});
export type FleetVariables = z.output<typeof FleetVariables>;

function whole(unit: string, example: number) {
  const message = `write a whole number of ${unit}, such as ${example}`;
  return z.int(message).min(1, message);
}
