import { existsSync } from 'node:fs';
import path from 'node:path';
import { Policies } from '#core/policy.ts';
import { type Finding, nearest } from './finding.ts';
import type { FleetVariables } from './schema.ts';
import { parsePart, readYamlFile } from './yaml-file.ts';

/** What is wrong with `agents/policies.yml`, before a control plane is started with it; `people` may use the API. */
export function checkPolicies(root: string, people: FleetVariables['api_tokens']): Finding[] {
  const file = path.join(root, 'agents', 'policies.yml');
  if (!existsSync(file)) return [];
  const yaml = readYamlFile(file);
  if (yaml.findings.length > 0) return [...yaml.findings];
  const given = { schema: Policies, value: yaml.value, field: '', alsoKnown: new Set<string>() };
  const { value, findings } = parsePart(yaml, [], given);
  if (!value) return findings;
  const names = people.map(({ name }) => name);
  return value.gates.flatMap(({ approvers = [] }, gate) =>
    approvers.flatMap((name, index) => {
      if (names.includes(name)) return [];
      const message = `nobody is called ${name} in api_tokens of the inventory: only the operator could approve as ${name}.`;
      const meant = nearest(name, names);
      return [yaml.finding(['gates', gate, 'approvers', index], message, { severity: 'warning', meant })];
    }),
  );
}
