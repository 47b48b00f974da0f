import { type MachineReport, parseMachineReport } from '../fleet/machine-report.ts';
import type { Answer } from '../fleet/survey.ts';
import { age } from '../format.ts';
import { type Check, failed, passed, warned } from './check.ts';

const MANY_RESTARTS = 5;
const LEAST_FREE = 0.05;

/** Whether a machine answers and everything on it runs: one check for the machine, one for each thing that is wrong. */
export function machineChecks(answer: Answer): Check[] {
  const { host } = answer;
  if (!answer.up) return [failed(host, answer.what, answer.remedy)];
  const report = parseMachineReport(answer.text);
  return [
    passed(host, summary(report)),
    ...unitChecks(host, report),
    ...cloudInitChecks(host, report),
    ...roomChecks(host, report),
    ...report.failedUnits
      .filter((unit) => !report.units.some(({ name }) => `${name}.service` === unit))
      .map((unit) =>
        failed(`${host} ${unit}`, 'has failed', `olympus ssh ${host} -- systemctl status ${unit}`),
      ),
  ];
}

function summary({ units, uptimeSeconds, load, memory }: MachineReport): string {
  const running = units.filter(({ state }) => state === 'active').map(({ name }) => name);
  return [
    uptimeSeconds === undefined ? 'up' : `up for ${age(uptimeSeconds * 1000)}`,
    ...(load === undefined ? [] : [`load ${load.toFixed(2)}`]),
    ...(memory ? [`${memory.availableMib} of ${memory.totalMib} MiB free`] : []),
    ...(running.length > 0 ? [`runs ${running.join(', ')}`] : []),
  ].join(', ');
}

function unitChecks(host: string, { units }: MachineReport): Check[] {
  if (units.length === 0) {
    return [
      failed(
        `${host} units`,
        'nothing of Olympus is installed there',
        `Set it up: ansible-playbook -i <inventory> ansible/setup.yml --limit ${host}`,
      ),
    ];
  }
  return units.flatMap(({ name, state, restarts }): Check[] => {
    const look = `olympus logs ${host} --unit ${name}`;
    if (state !== 'active') return [failed(`${host} ${name}`, `is ${state}`, look)];
    if (restarts <= MANY_RESTARTS) return [];
    return [warned(`${host} ${name}`, `runs, and was started again ${restarts} times`, look)];
  });
}

function cloudInitChecks(host: string, { cloudInit }: MachineReport): Check[] {
  const name = `${host} cloud-init`;
  if (cloudInit === 'done' || cloudInit === 'absent') return [];
  if (cloudInit === 'running') {
    return [warned(name, 'has not finished', `Wait for it: olympus ssh ${host} -- cloud-init status --wait`)];
  }
  return [
    failed(
      name,
      `finished with errors: ${cloudInit.errors.join('; ')}`,
      `olympus ssh ${host} -- sudo tail -n 50 /var/log/cloud-init-output.log`,
    ),
  ];
}

function roomChecks(host: string, { memory, disk }: MachineReport): Check[] {
  const checks: Check[] = [];
  if (memory && memory.availableMib < memory.totalMib * LEAST_FREE) {
    checks.push(
      warned(
        `${host} memory`,
        `only ${memory.availableMib} of ${memory.totalMib} MiB is free`,
        `Raise memory_mib of ${host} in the inventory.`,
      ),
    );
  }
  if (disk && disk.freeMib < disk.totalMib * LEAST_FREE) {
    checks.push(
      failed(
        `${host} disk`,
        `only ${disk.freeMib} of ${disk.totalMib} MiB is free`,
        `Make room, or raise disk_gib of ${host} in the inventory.`,
      ),
    );
  }
  return checks;
}
