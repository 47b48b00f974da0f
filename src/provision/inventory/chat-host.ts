import { type Finding, nearest } from './finding.ts';
import type { HypervisorHost } from './inventory.ts';
import type { FleetVariables } from './schema.ts';
import type { YamlFile } from './yaml-file.ts';

interface Given {
  readonly main: YamlFile;
  readonly variables: FleetVariables;
  readonly hypervisors: readonly HypervisorHost[];
}

/** Whether chat can be set up where `mattermost_host` says. */
export function checkChatHost({ main, variables, hypervisors }: Given): Finding[] {
  const { mattermost_host: name, mattermost_addresses: addresses } = variables;
  if (name === undefined) return [];
  const host = hypervisors.find((each) => each.name === name);
  if (!host) {
    const names = hypervisors.map((each) => each.name);
    return [
      main.finding(['mattermost_host'], `there is no hypervisor ${name}, only ${names.join(', ')}.`, {
        meant: nearest(name, names),
      }),
    ];
  }
  const findings: Finding[] = [];
  if (variables.standins_enabled) {
    const message = 'chat is a stand-in here, because of standins_enabled: leave one of the two out.';
    findings.push(main.finding(['mattermost_host'], message));
  }
  if (variables.hypervisor_has_systemd === false) {
    const message = `${name} has no systemd, because of hypervisor_has_systemd: leave this out, or name a chat server by mattermost_url alone.`;
    findings.push(main.finding(['mattermost_host'], message));
  }
  if (addresses.length > 0 && !addresses.includes(host.address)) {
    const message = `${name} is ${host.address}, which is not among these: what is pressed in chat would be refused. Add it.`;
    findings.push(main.finding(['mattermost_addresses'], message, { severity: 'warning' }));
  }
  return findings;
}
