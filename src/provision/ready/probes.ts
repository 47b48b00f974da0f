import { z } from 'zod';
import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import { DeadlineError } from '#lib/deadline.ts';
import { type Finished, runCommand } from '../command.ts';
import type { Phase } from './not-ready.ts';
import { readBanner } from './ssh-banner.ts';

/** What a look at a machine shows: this phase is over, not yet (and why), or never. */
export type Look =
  | { readonly is: 'over' }
  | { readonly is: 'not yet'; readonly why: string }
  | { readonly is: 'hopeless'; readonly why: string };

export interface ProbeOptions {
  readonly machine: string;
  readonly hypervisor: Hypervisor;
  readonly sshConfig: string;
}

export type Probe = (signal: AbortSignal) => Promise<Look>;

/** A slow emulated guest takes many seconds for a login: these only end what hangs. */
const BANNER_TIMEOUT_MS = 20_000;
const SSH_TIMEOUT_MS = 90_000;

/** How each phase is seen to be over, always from outside of the machine. */
export function probesOf(options: ProbeOptions): Readonly<Record<Phase, Probe>> {
  return {
    defined: (signal) => lookDefined(options, signal),
    running: (signal) => lookRunning(options, signal),
    address: (signal) => lookAddress(options, signal),
    ssh: (signal) => lookSsh(options, signal),
    'cloud-init': (signal) => lookCloudInit(options, signal),
  };
}

const OVER: Look = { is: 'over' };

async function lookDefined({ hypervisor, machine }: ProbeOptions, signal: AbortSignal): Promise<Look> {
  const domain = await hypervisor.domain(machine, signal);
  return domain ? OVER : { is: 'hopeless', why: `${hypervisor.name} has no domain of that name` };
}

async function lookRunning({ hypervisor, machine }: ProbeOptions, signal: AbortSignal): Promise<Look> {
  const domain = await hypervisor.domain(machine, signal);
  if (domain?.state === 'running') return OVER;
  if (domain?.state === 'paused') {
    const why = `it is paused: an error of its disk or of the virtualisation (see /var/log/libvirt/qemu/${machine}.log on ${hypervisor.name})`;
    return { is: 'hopeless', why };
  }
  return { is: 'hopeless', why: `it is ${domain?.state ?? 'gone'}` };
}

async function lookAddress({ machine, sshConfig }: ProbeOptions, signal: AbortSignal): Promise<Look> {
  const options = { configFile: sshConfig, machine, timeoutMs: BANNER_TIMEOUT_MS, signal };
  const { answers, why } = await readBanner(options);
  return answers ? OVER : { is: 'not yet', why: `nothing answers as SSH (${why})` };
}

async function lookSsh(options: ProbeOptions, signal: AbortSignal): Promise<Look> {
  const result = await ssh(options, 'true', signal);
  return 'is' in result ? result : OVER;
}

const CloudInitStatus = z.object({
  status: z.string(),
  detail: z.string().default(''),
  errors: z.array(z.string()).default([]),
});

/** Waits inside the machine for a while, so that a slow one is not kept busy with logins. */
const CLOUD_INIT = `i=0; while [ ! -e /run/cloud-init/result.json ] && [ $i -lt 20 ]; do sleep 1; i=$((i+1)); done
exec cloud-init status --format json`;

async function lookCloudInit(options: ProbeOptions, signal: AbortSignal): Promise<Look> {
  const result = await ssh(options, CLOUD_INIT, signal);
  if ('is' in result) return result;
  const status = parseStatus(result.stdout);
  if (!status) {
    const said = (result.stderr || result.stdout).trim().split('\n').at(-1) ?? '';
    return { is: 'not yet', why: `cloud-init status says: ${said || `exit code ${result.code}`}` };
  }
  const { detail, errors } = status;
  if (status.status === 'done' && errors.length === 0) return OVER;
  if (['done', 'error', 'disabled'].includes(status.status)) {
    const why = [`cloud-init ended as ${status.status}`, errors.join('; ') || detail]
      .filter(Boolean)
      .join(': ');
    return { is: 'hopeless', why: `${why}; see /var/log/cloud-init.log there` };
  }
  return { is: 'not yet', why: `cloud-init is ${status.status}` };
}

function parseStatus(text: string): z.output<typeof CloudInitStatus> | undefined {
  try {
    return CloudInitStatus.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** One real login, as a person would do it: our key, our known_hosts. */
async function ssh(
  { machine, sshConfig }: ProbeOptions,
  command: string,
  signal: AbortSignal,
): Promise<Look | Finished> {
  const args = ['-F', sshConfig, '-o', 'BatchMode=yes', '--', machine, command];
  let result: Finished;
  try {
    result = await runCommand('ssh', args, { signal, timeoutMs: SSH_TIMEOUT_MS });
  } catch (error) {
    if (!(error instanceof DeadlineError) || signal.aborted) throw error;
    return { is: 'not yet', why: `an SSH login did not finish within ${SSH_TIMEOUT_MS / 1000} s` };
  }
  if (result.code !== 255) return result;
  if (/Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/i.test(result.stderr)) {
    const why = `the host key that it shows is not the one that was made for it; another machine may have its address, or it was not made from our seed (--replace ${machine} makes it anew)`;
    return { is: 'hopeless', why };
  }
  return { is: 'not yet', why: `SSH login fails: ${result.stderr.trim().split('\n').at(-1) ?? ''}` };
}
