import type { Command } from 'commander';
import { ApiClient, TASK_LIMIT } from '../api-client.ts';
import { agentChecks } from '../checks/agents.ts';
import { chatChecks } from '../checks/chat.ts';
import { type Check, type Findings, failed, passed, printChecks } from '../checks/check.ts';
import { partChecks, queueCheck } from '../checks/control.ts';
import { fleetFindings } from '../checks/fleet.ts';
import { nodeCheck, settingsChecks } from '../checks/local.ts';
import { workstationChecks } from '../checks/workstation.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { isLocalFleet } from '../fleet/hosts.ts';
import { duration } from '../format.ts';
import { whereabouts } from '../whereabouts.ts';

const CLOCK_TOLERANCE_MS = 5000;

/** `olympus doctor`: looks at everything a person needs, and says what is wrong and what to do. */
export function addDoctor(parent: Command, context: CliContext): void {
  const { settings, signal, out } = context;
  parent
    .command('doctor')
    .description('check everything that is needed, and say what is wrong and what to do about it')
    .option('--inventory <folder>', 'also check the description of the fleet: the folder with hosts.yml')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
It looks at this machine, the inventory, every hypervisor and machine, the control plane, the agents and chat.
Exit code: 0 when every check passed, 1 when one failed; what is marked with ! is only a warning.

Examples:
  $ olympus doctor
  $ olympus doctor --inventory inventory/example
  $ olympus doctor --json | jq '.checks[] | select(.ok | not)'`,
    )
    .action(async ({ json, inventory }: { json?: boolean; inventory?: string }) => {
      // A fleet of processes has no machines, and nothing to be set up with.
      const processes = isLocalFleet(settings);
      const [workstation, fleet, control, chat] = await Promise.all([
        processes ? [] : workstationChecks(settings, signal),
        processes
          ? { checks: [], notChecked: [] }
          : fleetFindings(inventory ?? settings.env['OLYMPUS_INVENTORY'], context),
        controlFindings(context),
        chatChecks(settings, signal),
      ]);
      const checks = [
        nodeCheck(process.versions.node),
        ...settingsChecks(settings),
        ...workstation,
        ...fleet.checks,
        ...control.checks,
        ...chat.checks,
      ];
      const notChecked = [...fleet.notChecked, ...control.notChecked, ...chat.notChecked];
      const ok = checks.every((check) => check.ok);
      if (json) out.json({ ok, checks, notChecked });
      else print(checks, notChecked, context);
      context.exitWith(ok ? exitCodes.ok : exitCodes.failed);
    });
}

async function controlFindings(context: CliContext): Promise<Findings> {
  const { settings, clock, version } = context;
  const where = whereabouts(settings.stateDir);
  const checks: Check[] = [];
  try {
    const api = new ApiClient(context);
    const { health, tookMs, clockAheadMs } = await api.health();
    checks.push(
      passed('control plane', `answers at ${api.url} in ${duration(tookMs)}`),
      versionCheck(health.version, version),
      ...(clockAheadMs === undefined ? [] : [clockCheck(clockAheadMs)]),
      ...partChecks(health, where),
    );
    return { checks, notChecked: await behindToken(api, checks, clock.now() + (clockAheadMs ?? 0), context) };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    checks.push(failed('control plane', error.message, error.remedy));
    return { checks, notChecked: ['version', 'clock', 'bus', 'topology', 'token', 'agents', 'queue'] };
  }
}

/** Adds what only a caller with a good token is told; returns what could not be looked at. */
async function behindToken(
  api: ApiClient,
  checks: Check[],
  now: number,
  { settings }: CliContext,
): Promise<string[]> {
  try {
    const agents = await api.agents();
    checks.push(passed('token', 'accepted by the control plane'));
    checks.push(...agentChecks(agents, now, whereabouts(settings.stateDir)));
    checks.push(queueCheck(await api.tasks({ state: 'queued', limit: TASK_LIMIT }), agents, now));
    return [];
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    checks.push(failed('token', error.message, error.remedy));
    return ['agents', 'queue'];
  }
}

function versionCheck(theirs: string, ours: string): Check {
  if (theirs === ours) return passed('version', `${ours}, here and there`);
  return failed(
    'version',
    `the control plane is ${theirs}, this command is ${ours}`,
    'Upgrade the older one: their API may differ.',
  );
}

function clockCheck(aheadMs: number): Check {
  const name = 'clock';
  const apart = duration(Math.abs(aheadMs));
  if (Math.abs(aheadMs) <= CLOCK_TOLERANCE_MS) return passed(name, 'agrees with that of the control plane');
  return failed(
    name,
    `the control plane is ${apart} ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine`,
    'Turn on time synchronisation on both: `timedatectl set-ntp true`.',
  );
}

function print(checks: readonly Check[], notChecked: readonly string[], { out }: CliContext): void {
  printChecks(checks, out);
  if (notChecked.length > 0) out.print(out.style('dim', `– not checked: ${notChecked.join(', ')}`));
  const wrong = checks.filter((check) => !check.ok).length;
  out.print();
  if (wrong === 0) out.print(out.style('green', `All ${checks.length} checks passed.`));
  else out.print(out.style('red', `${wrong} of ${checks.length} checks failed.`));
}
