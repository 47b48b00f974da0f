import { type Finding, nearest } from './finding.ts';
import type { UnplacedMachine } from './inventory.ts';
import type { FleetVariables } from './schema.ts';
import type { YamlFile } from './yaml-file.ts';

/** Whether the agents that `github` names are agents of the fleet. */
export function checkGithub(
  main: YamlFile,
  { github }: FleetVariables,
  machines: readonly UnplacedMachine[],
): Finding[] {
  const names = machines.filter(({ group }) => group === 'agents').map(({ name }) => name);
  return Object.keys(github?.agents ?? {})
    .filter((name) => !names.includes(name))
    .map((name) =>
      main.finding(['github', 'agents', name], `there is no agent ${name}, only ${names.join(', ')}.`, {
        meant: nearest(name, names),
        atKey: true,
      }),
    );
}
