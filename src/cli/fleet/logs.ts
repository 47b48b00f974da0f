import { existsSync } from 'node:fs';
import path from 'node:path';
import { CliError } from '../cli-error.ts';
import type { Settings } from '../settings.ts';
import { OPENCLAW, UNITS } from './layout.ts';

export interface LogRequest {
  readonly units: readonly string[];
  /** OpenClaw's own log file instead of the journal. */
  readonly gateway: boolean;
  readonly lines: number;
  readonly follow: boolean;
}

/** The log file that OpenClaw itself keeps, under its state directory. */
const GATEWAY_LOG = ['logs', 'gateway.log'];

/** What prints the logs on a machine, as a line for its shell. */
export function remoteLogCommand({ units, gateway, lines, follow }: LogRequest): string {
  if (gateway) {
    const file = [OPENCLAW.state, ...GATEWAY_LOG].join('/');
    return `sudo -n tail -n ${lines} ${follow ? '-F ' : ''}${file}`;
  }
  const chosen = units.length > 0 ? units : UNITS;
  const options = ['--no-pager', '-o short-iso', `-n ${lines}`, ...(follow ? ['-f'] : [])];
  return `sudo -n journalctl ${options.join(' ')} ${chosen.map((unit) => `-u ${unit}`).join(' ')}`;
}

/** The files in which a fleet of processes keeps the logs of an agent, or of `hub`. */
export function localLogFiles(
  { stateDir }: Settings,
  name: string,
  { units, gateway }: LogRequest,
): string[] {
  const at = (...names: string[]): string => path.join(stateDir, ...names);
  if (gateway) return [at('agents', name, 'openclaw', 'state', ...GATEWAY_LOG)];
  const files: Readonly<Record<string, string>> =
    name === 'hub'
      ? {
          'nats-server': at('logs', 'nats-server.log'),
          'olympus-control': at('logs', 'control.log'),
          'olympus-standin-mattermost': at('logs', 'mattermost.log'),
        }
      : {
          olympusd: at('logs', `olympusd-${name}.log`),
          'openclaw-gateway': at('agents', name, 'openclaw', 'gateway.log'),
        };
  const chosen = units.length > 0 ? units : Object.keys(files);
  return chosen.map((unit) => {
    const file = files[unit];
    if (file && existsSync(file)) return file;
    throw new CliError(
      `There is no log of ${unit} of ${name} in this fleet of processes.`,
      `There are logs of ${Object.keys(files).join(', ')}; all files are in ${at('logs')}.`,
    );
  });
}
