import path from 'node:path';
import { sshFiles } from '#provision/ssh/ssh-files.ts';
import { LabError } from '../lab-error.ts';
import type { LabNames } from '../lab-names.ts';
import { namespaceProcesses } from '../network/namespace.ts';
import { ensureHypervisorNetwork } from '../network/switch.ts';
import { endProcesses, isRunning, type ProcessRecord, startDetached } from '../process-record.ts';
import { SYSTEM_ENV, tryRun } from '../run.ts';
import { until } from '../until.ts';
import { writeHypervisorFiles } from './files.ts';
import { type HypervisorPlan, hypervisorDir } from './hypervisor-plan.ts';

const INIT = path.join(import.meta.dirname, 'init');
const READY_TIMEOUT_MS = 60_000;
const COMMAND_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_SECONDS = 10;

/**
 * Has a hypervisor run: its network, its files, and its first process, which keeps virtlogd, libvirtd and sshd
 * running. Resolves with that process, without waiting for the daemons. One that runs is left as it is.
 */
export async function ensureHypervisor(
  names: LabNames,
  hypervisor: HypervisorPlan,
  options: {
    readonly prefix: number;
    readonly recorded: ProcessRecord | undefined;
    readonly signal: AbortSignal;
  },
): Promise<ProcessRecord> {
  const { recorded, signal } = options;
  const namespace = names.namespaceOf(hypervisor.name);
  await ensureHypervisorNetwork(names, hypervisor, options);
  writeHypervisorFiles(names, hypervisor);
  if (recorded && isRunning(recorded)) return recorded;
  // An interrupted start may have left one that nobody wrote down: its daemons hold what a second one needs.
  await endProcesses(await namespaceProcesses(namespace, signal), { graceMs: 0, signal });
  const isolation = ['--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'];
  return startDetached({
    command: [
      ...(['ip', 'netns', 'exec', namespace, 'unshare', ...isolation] as const),
      ...['sh', INIT, hypervisorDir(names, hypervisor.name), hypervisor.name],
    ],
    env: SYSTEM_ENV,
    cwd: '/',
    logFile: hypervisorLog(names, hypervisor.name),
  });
}

/** Resolves when the hypervisor lets us in over SSH and its libvirt answers. */
export async function untilHypervisorReady(
  names: LabNames,
  hypervisor: HypervisorPlan,
  options: { readonly process: ProcessRecord; readonly signal: AbortSignal },
): Promise<void> {
  const { process, signal } = options;
  const log = hypervisorLog(names, hypervisor.name);
  await until(
    {
      what: `The simulated hypervisor ${hypervisor.name} did not answer`,
      remedy: `Read ${log}; then run \`olympus lab down\` and \`olympus lab up\` again.`,
      timeoutMs: READY_TIMEOUT_MS,
      signal,
    },
    async () => {
      if (!isRunning(process)) throw hypervisorEnded(hypervisor.name, log);
      const answer = await onHypervisor(names, hypervisor, 'virsh -c qemu:///system list --name', signal);
      return answer.ok ? undefined : answer.stderr || 'no answer';
    },
  );
}

/** A virtual machine of a hypervisor, as libvirt lists it. */
export interface DomainView {
  readonly name: string;
  readonly running: boolean;
}

/** The virtual machines of a hypervisor, or the reason why it did not say. */
export async function listDomains(
  names: LabNames,
  hypervisor: HypervisorPlan,
  signal: AbortSignal,
): Promise<{ readonly domains: readonly DomainView[] } | { readonly reason: string }> {
  const asked = "virsh -c qemu:///system 'list --all --name; echo ==; list --state-running --name'";
  const { ok, stdout, stderr } = await onHypervisor(names, hypervisor, asked, signal);
  if (!ok) return { reason: stderr || 'it did not answer' };
  const [all = [], running = []] = stdout.split(/^==$/m).map((part) => part.split('\n').filter(Boolean));
  return { domains: all.toSorted().map((name) => ({ name, running: running.includes(name) })) };
}

/** Where a hypervisor's daemons say what they do. */
function hypervisorLog(names: LabNames, hypervisor: string): string {
  return path.join(names.logDir, `hypervisor-${hypervisor}.log`);
}

/** What ssh runs to reach the lab from the machine's own shell. */
export function proxyCommand(names: LabNames): string {
  return `ip netns exec ${names.switchNamespace} nc -N %h %p`;
}

function onHypervisor(names: LabNames, { address }: HypervisorPlan, command: string, signal: AbortSignal) {
  const files = sshFiles(names.stateDir);
  const options = [
    `ProxyCommand=${proxyCommand(names)}`,
    `UserKnownHostsFile="${files.knownHosts}"`,
    'StrictHostKeyChecking=yes',
    'BatchMode=yes',
    `ConnectTimeout=${CONNECT_TIMEOUT_SECONDS}`,
    'IdentitiesOnly=yes',
    'LogLevel=ERROR',
  ].flatMap((option) => ['-o', option]);
  return tryRun('ssh', ['-F', 'none', '-i', files.controlKey, ...options, `root@${address}`, command], {
    signal,
    timeoutMs: COMMAND_TIMEOUT_MS,
  });
}

function hypervisorEnded(name: string, log: string): LabError {
  return new LabError(
    `The simulated hypervisor ${name} ended while it started.`,
    `The end of ${log} says why. The lab needs root with every capability: in a container, run it privileged.`,
  );
}
