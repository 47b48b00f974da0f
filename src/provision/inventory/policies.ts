import { existsSync } from 'node:fs';
import path from 'node:path';
import { Policies } from '#core/policy.ts';
import { type Finding, nearest } from './finding.ts';
import type { FleetVariables } from './schema.ts';
import { parsePart, readYamlFile } from './yaml-file.ts';

type Person = FleetVariables['api_tokens'][number];

const MISSING =
  'there is no such file, and control does not start without it: write gates: [] into it where nothing is gated, or name another file in control_policies_file.';

/** What is wrong with `agents/policies.yml`, before a control plane is started with it; `people` may use the API. */
export function checkPolicies(root: string, people: readonly Person[]): Finding[] {
  const file = path.join(root, 'agents', 'policies.yml');
  if (!existsSync(file))
    return [{ severity: 'error', file, line: 1, column: 1, field: '', message: MISSING }];
  const yaml = readYamlFile(file);
  if (yaml.findings.length > 0) return [...yaml.findings];
  const given = { schema: Policies, value: yaml.value, field: '', alsoKnown: new Set<string>() };
  const { value, findings } = parsePart(yaml, [], given);
  if (!value) return findings;
  return value.gates.flatMap(({ approvers, approvals }, gate) => {
    const warn = (field: readonly PropertyKey[], message: string, meant?: string): Finding =>
      yaml.finding(['gates', gate, ...field], message, { severity: 'warning', meant });
    if (approvers) {
      return approvers.flatMap((name, index) => {
        const problem = problemOf(name, people);
        return problem ? [warn(['approvers', index], problem.message, problem.meant)] : [];
      });
    }
    const deciding = people.filter(mayDecide).length;
    // One can always be had of the operator.
    if (approvals === 1 || deciding >= approvals) return [];
    const message = `${approvals} people have to approve, and ${deciding} in api_tokens of the inventory ${deciding === 1 ? 'has' : 'have'} the scope decide.`;
    return [warn(['approvals'], message)];
  });
}

/** Why this approver could not approve. */
function problemOf(
  name: string,
  people: readonly Person[],
): { message: string; meant?: string | undefined } | undefined {
  const person = people.find((each) => each.name.toLowerCase() === name.toLowerCase());
  if (!person) {
    const message = `nobody is called ${name} in api_tokens of the inventory: only the operator could approve as ${name}.`;
    return {
      message,
      meant: nearest(
        name,
        people.map((each) => each.name),
      ),
    };
  }
  if (mayDecide(person)) return undefined;
  return { message: `${name} may not approve: give them the scope decide in api_tokens of the inventory.` };
}

function mayDecide({ scopes }: Person): boolean {
  return scopes.includes('decide');
}
