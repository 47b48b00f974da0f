import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Finding } from '../inventory/finding.ts';
import { parsePart, readYamlFile } from '../inventory/yaml-file.ts';

const GROUPS = ['hub', 'agents', 'machines'] as const;
const SOURCES = ['anyone', 'admins', 'network', 'chat', ...GROUPS] as const;
const CONDITIONS = ['standins', 'dashboard_on_lan'] as const;

/** One line of the table: a port of machines that is open to somebody. */
export const Rule = z.strictObject({
  service: z
    .string('write what people call it, such as ssh')
    .min(1, 'write what people call it, such as ssh'),
  to: z.enum(GROUPS, `write ${GROUPS.join(', ')}`),
  port: z
    .int('write a TCP port, such as 22')
    .min(1, 'write a TCP port, such as 22')
    .max(65_535, 'the last port is 65535'),
  from: z
    .array(z.enum(SOURCES, `write one of ${SOURCES.join(', ')}`), `write a list of ${SOURCES.join(', ')}`)
    .min(1, 'name somebody, or leave the rule out'),
  when: z.enum(CONDITIONS, `write ${CONDITIONS.join(' or ')}, or leave it out`).optional(),
});
export type Rule = z.output<typeof Rule>;

const Table = z.strictObject({ rules: z.array(z.unknown(), 'write a list of rules') });

/** SSH, which everything here comes by. */
const SSH_PORT = 22;

/** The table that holds for an inventory: the one beside its folder, or that of the checkout in `root`. */
export function connectivityFile(dir: string, root: string): string {
  const beside = path.join(dir, '..', 'connectivity.yml');
  return existsSync(beside) ? beside : path.join(root, 'inventory', 'connectivity.yml');
}

/** Reads who may reach whom, with what is wrong with it. */
export function readConnectivity(file: string): {
  readonly rules: readonly Rule[];
  readonly findings: readonly Finding[];
} {
  const yaml = readYamlFile(file);
  if (yaml.findings.length > 0) return { rules: [], findings: yaml.findings };
  const alsoKnown: ReadonlySet<string> = new Set();
  const table = parsePart(yaml, [], { schema: Table, value: yaml.value ?? {}, field: '', alsoKnown });
  if (!table.value) return { rules: [], findings: table.findings };
  const read = table.value.rules.map((value, index) =>
    parsePart(yaml, ['rules', index], { schema: Rule, value, field: `rules[${index}]`, alsoKnown }),
  );
  const findings = read.flatMap((each) => each.findings);
  const rules = read.flatMap(({ value }) => value ?? []);
  if (findings.length === 0 && !letsInSsh(rules)) {
    const message = `nobody could get in any more, neither to set up nor to mend: add {service: ssh, to: machines, port: ${SSH_PORT}, from: [admins]}.`;
    findings.push(yaml.finding(['rules'], message));
  }
  return { rules, findings };
}

/** To all machines, and from where people are. */
function letsInSsh(rules: readonly Rule[]): boolean {
  const open = rules.filter(
    ({ port, from, when }) =>
      port === SSH_PORT && when === undefined && from.some((each) => each === 'anyone' || each === 'admins'),
  );
  const to = new Set(open.map((rule) => rule.to));
  return to.has('machines') || (to.has('hub') && to.has('agents'));
}
