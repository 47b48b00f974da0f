import { type MachineReport, parseMachineReport } from '../fleet/machine-report.ts';
import type { Answer } from '../fleet/survey.ts';
import { age } from '../format.ts';
import { type Check, failed, passed, warned } from './check.ts';
import { domainsOf } from './hypervisors.ts';

const MANY_RESTARTS = 5;
const LEAST_FREE = 0.05;

/**
 * Whether a machine answers and everything on it runs: one check for the machine, one for each thing that is wrong.
 * What the hypervisors answered tells why one does not.
 */
export function machineChecks(answer: Answer, hypervisors: readonly Answer[] = []): Check[] {
  const { host } = answer;
  if (!answer.up) return [absenceCheck(answer, hypervisors)];
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

type Absent = Extract<Answer, { readonly up: false }>;

/** Whether nobody answers, and every hypervisor says that it has no such machine: not every one need be made. */
export function isUnmade(answer: Answer, hypervisors: readonly Answer[]): boolean {
  if (answer.up || !answer.silent) return false;
  const { host } = answer;
  const all = hypervisors.map(domainsOf);
  return all.length > 0 && all.every((domains) => domains !== undefined && !domains.has(host));
}

function absenceCheck(answer: Absent, hypervisors: readonly Answer[]): Check {
  const { host, what, remedy } = answer;
  if (!answer.silent) return failed(host, what, remedy);
  if (isUnmade(answer, hypervisors)) {
    return warned(
      host,
      'is on no hypervisor: it was never made, or was destroyed',
      `When it is wanted: ansible-playbook -i <inventory> ansible/setup.yml --limit ${host}, in a lab: olympus lab up --agents ${host}`,
    );
  }
  const found = hypervisors.flatMap((each) => {
    const state = domainsOf(each)?.get(host);
    return state === undefined ? [] : [{ on: each.host, state }];
  })[0];
  const apply = `olympus apply --inventory <folder> --machine ${host}`;
  if (!found) return failed(host, what, remedy);
  if (found.state !== 'running')
    return failed(host, `is ${found.state} on ${found.on}`, `Start it: ${apply}`);
  return failed(
    host,
    `runs on ${found.on}, but: ${what}`,
    `It may still be starting, which takes minutes where it is emulated. This waits, and shows what its console printed: ${apply}`,
  );
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

function roomChecks(host: string, { memory, disk, data }: MachineReport): Check[] {
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
  for (const [name, room, field] of [
    ['disk', disk, 'disk_gib'],
    ['data disk', data, 'data_gib'],
  ] as const) {
    if (!room || room.freeMib >= room.totalMib * LEAST_FREE) continue;
    const what = `only ${room.freeMib} of ${room.totalMib} MiB is free`;
    checks.push(failed(`${host} ${name}`, what, `Make room, or raise ${field} of ${host} in the inventory.`));
  }
  return checks;
}
