import { DashboardLogin, dashboardLoginProgram } from '#integrations/openclaw/dashboard-login.ts';
import type { SshConnection } from '#integrations/ssh/connection.ts';
import { CliError } from '../cli-error.ts';
import { harmless } from '../format.ts';
import { OPENCLAW } from './layout.ts';

/** Node takes half a minute for it on an emulated machine. */
const TIMEOUT_MS = 180_000;

/**
 * Has a one-time login to the gateway's dashboard made on its machine, by the gateway's own user: the gateway's token
 * never leaves the machine. What comes back travels over the connection only.
 */
export async function dashboardLogin(
  connection: SshConnection,
  signal: AbortSignal,
): Promise<DashboardLogin> {
  const { machine } = connection;
  const { user, node, home, state, config, folder } = OPENCLAW;
  const environment = [`HOME=${home}`, `OPENCLAW_STATE_DIR=${state}`, `OPENCLAW_CONFIG_PATH=${config}`];
  const command = `sudo -n -u ${user} env ${environment.join(' ')} ${node} --input-type=module -`;
  const input = dashboardLoginProgram(folder);
  const { code, stdout, stderr } = await connection.run(command, { timeoutMs: TIMEOUT_MS, signal, input });
  const parsed = DashboardLogin.safeParse(parseJson(stdout));
  if (code === 0 && parsed.success) return parsed.data;
  const complaint =
    harmless(stderr)
      .trim()
      .split('\n')
      .findLast((line) => /\S/.test(line)) ?? '';
  throw new CliError(
    `OpenClaw on ${machine} gave no login to its dashboard: ${complaint.trim() || `exit code ${code}`}.`,
    `Is it set up there? \`olympus doctor\` looks at ${machine}.`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
