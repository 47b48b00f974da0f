import { existsSync } from 'node:fs';
import path from 'node:path';

/** Where somebody has to look, as the end of a sentence such as "Look at …". */
export interface Whereabouts {
  readonly control: string;
  readonly bus: string;
  daemon(agent: string): string;
  gateway(agent: string): string;
}

/** A local fleet keeps its logs under the state directory; elsewhere they are in the journal of each machine. */
export function whereabouts(stateDir: string): Whereabouts {
  const logs = path.join(stateDir, 'logs');
  if (existsSync(path.join(logs, 'control.log'))) {
    return {
      control: path.join(logs, 'control.log'),
      bus: path.join(logs, 'nats-server.log'),
      daemon: (agent) => path.join(logs, `olympusd-${agent}.log`),
      gateway: (agent) => path.join(stateDir, 'agents', agent, 'openclaw', 'gateway.log'),
    };
  }
  return {
    control: '`journalctl -u olympus-control` on the hub',
    bus: '`journalctl -u nats` on the hub',
    daemon: (agent) => `\`journalctl -u olympusd\` on ${agent}`,
    gateway: (agent) => `\`journalctl -u openclaw-gateway\` on ${agent}`,
  };
}
