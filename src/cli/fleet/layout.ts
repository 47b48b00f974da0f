/** The units of Olympus on its machines, in the order in which they are shown. */
export const UNITS = [
  'olympusd',
  'openclaw-gateway',
  'nats-server',
  'olympus-control',
  'olympus-standin-mattermost',
] as const;

/** Where OpenClaw is on an agent's machine, and what its gateway is started with. */
export const OPENCLAW = {
  user: 'openclaw',
  node: '/opt/olympus/node/bin/node',
  /** `node_modules` is in it. */
  folder: '/opt/olympus/openclaw',
  home: '/data/openclaw',
  state: '/data/openclaw/state',
  config: '/etc/openclaw/openclaw.json',
  port: 18_789,
} as const;
