const REMEDIES: readonly [RegExp, string][] = [
  [
    /authentication|access denied|polkit/i,
    'Put the account into the group libvirt there, or set hypervisor_become: true.',
  ],
  [
    /interface MTU|bridge|no network with matching name|network .* is not active/i,
    'The bridge or network that the inventory names (hypervisor_bridge, hypervisor_network) must exist there.',
  ],
  [
    /Permission denied/i,
    'QEMU may not read a file: see the folder /var/lib/olympus and the log of AppArmor there.',
  ],
  [/Cannot allocate memory|cannot set up guest memory/i, 'There is too little memory free there.'],
  [/kvm/i, 'Set vm_domain_type: qemu for this hypervisor if it has no working KVM.'],
];

/** What to do about something that libvirt has refused. */
export function remedyFor(reason: string): string {
  const known = REMEDIES.find(([pattern]) => pattern.test(reason));
  return known?.[1] ?? 'Try the same there with virsh; its log is /var/log/libvirt/libvirtd.log.';
}

/** What to do about a libvirt that is not reached, by what the way to it has said. */
export function unreachableRemedy(reason: string): string {
  if (/host key|REMOTE HOST IDENTIFICATION/i.test(reason)) {
    return 'Its host key is not the known one: compare it, then correct known_hosts.';
  }
  if (/sudo/i.test(reason)) return 'Let the account run sudo there without a password (sudo -n true).';
  if (/not found/i.test(reason)) return 'Install libvirt-daemon-system and netcat-openbsd there.';
  if (/EACCES|Permission denied/i.test(reason)) {
    return 'Put the account into the group libvirt there, or set hypervisor_become: true.';
  }
  return 'Start libvirtd there: systemctl start libvirtd.';
}
