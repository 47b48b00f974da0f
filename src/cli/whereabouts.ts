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
    control: '`olympus logs hub --unit olympus-control`',
    bus: '`olympus logs hub --unit nats-server`',
    daemon: (agent) => `\`olympus logs ${agent} --unit olympusd\``,
    gateway: (agent) => `\`olympus logs ${agent} --unit openclaw-gateway\``,
  };
}
