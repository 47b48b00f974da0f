import { z } from 'zod';

/** A token with which one browser may become the owner's, once, before it expires. */
export const DashboardLogin = z.object({ token: z.string().min(1), expiresAtMs: z.number() });
export type DashboardLogin = z.infer<typeof DashboardLogin>;

/** What `openclaw dashboard` asks for; the gateway gives it only to whoever may write its state directory. */
const OWNER = {
  roles: ['operator'],
  scopes: [
    'operator.admin',
    'operator.approvals',
    'operator.pairing',
    'operator.questions',
    'operator.read',
    'operator.talk.secrets',
    'operator.write',
  ],
  purpose: 'control-ui-owner',
};

/**
 * The text of a module that makes a DashboardLogin and prints it as JSON, when run as the gateway's user with the
 * gateway's state directory. It uses what OpenClaw exports to its plugins, which loads in a fraction of the time that
 * `openclaw dashboard --json` takes, and needs no credential of the gateway.
 */
export function dashboardLoginProgram(openclawFolder: string): string {
  return `
import { createRequire } from 'node:module';
const { resolve } = createRequire(${JSON.stringify(`${openclawFolder}/`)});
const { issueDeviceBootstrapToken } = await import(resolve('openclaw/plugin-sdk/device-bootstrap'));
const { token, expiresAtMs } = await issueDeviceBootstrapToken({ profile: ${JSON.stringify(OWNER)} });
process.stdout.write(JSON.stringify({ token, expiresAtMs }) + '\\n');
`;
}

/** Where a browser goes to be logged in to a gateway that it reaches on `port` of its own machine. */
export function dashboardUrl(port: number, { token }: DashboardLogin): string {
  const address = `127.0.0.1:${port}`;
  // After the #: a browser keeps that to itself, and the page removes it.
  const fragment = new URLSearchParams({
    bootstrapToken: token,
    bootstrapProfile: 'owner',
    gatewayUrl: `ws://${address}`,
  });
  return `http://${address}/#${fragment}`;
}
