import { parseDomain } from '#integrations/libvirt/domain-xml.ts';
import type { DomainFacts } from '#integrations/libvirt/hypervisor.ts';

/** A domain of a hypervisor in memory. */
export interface FakeDomain {
  defined: string;
  live: string | undefined;
  autostart: boolean;
  paused: boolean;
  snapshots: Map<string, Omit<FakeDomain, 'snapshots'>>;
}

/** libvirt prints memory in KiB whatever it was given in. */
export function facts(xml: string): DomainFacts {
  return parseDomain(
    xml.replaceAll(
      /<(memory|currentMemory) unit='MiB'>(\d+)</g,
      (_, element: string, mib: string) => `<${element} unit='KiB'>${Number(mib) * 1024}<`,
    ),
  );
}
