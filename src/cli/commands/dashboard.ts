import { type Command, InvalidArgumentError, Option } from 'commander';
import { type DashboardLogin, dashboardUrl } from '#integrations/openclaw/dashboard-login.ts';
import { SshError } from '#integrations/ssh/ssh-error.ts';
import { choosePort } from '#lab/local/ports.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { openBrowser } from '../fleet/browser.ts';
import { dashboardLogin } from '../fleet/gateway-login.ts';
import { accessOf, fleetHosts, knownMachine } from '../fleet/hosts.ts';
import { OPENCLAW } from '../fleet/layout.ts';
import { openTunnel } from '../fleet/tunnel.ts';

interface Options {
  readonly port?: number;
  readonly wait: number;
  readonly open: boolean;
}

const CONNECT_TIMEOUT_MS = 30_000;

/** `olympus dashboard`: a tunnel to an agent's OpenClaw dashboard and an address that logs in. */
export function addDashboard(parent: Command, context: CliContext): void {
  parent
    .command('dashboard')
    .description("open an agent's OpenClaw dashboard in a browser of this machine")
    .argument('[agent]', 'whose')
    .addOption(
      new Option(
        '--port <number>',
        `the port on this machine; ${OPENCLAW.port} or a free one unless given`,
      ).argParser(parsePort),
    )
    .addOption(
      new Option('--wait <seconds>', 'how long to wait for a gateway that has only just been started')
        .default(60)
        .argParser(parseSeconds),
    )
    .option('--no-open', 'print the address only, and open no browser')
    .addHelpText(
      'after',
      `
The tunnel stays open until Ctrl-C. The printed address logs one browser in, once, within ten minutes; that browser
stays logged in. Run the command again for another browser, and also when the page says “Gateway secret rejected” at
once: OpenClaw's page waits 15 seconds for its gateway, and a slower one has then used the address up.

Examples:
  $ olympus dashboard athena
  $ olympus dashboard athena --port 8000 --no-open`,
    )
    .action(async (agent: string | undefined, options: Options) => {
      const name = agent ?? (await onlyAgent(context));
      await serve(await knownMachine(name, context.settings), options, context);
    });
}

async function serve(
  machine: string,
  { port: wanted, wait, open }: Options,
  context: CliContext,
): Promise<void> {
  const { settings, signal, out } = context;
  const access = accessOf(settings);
  const port = await freePort(wanted);
  await using tunnel = openTunnel({ machine, port, remotePort: OPENCLAW.port }, access, context);
  out.progress(`Waiting for the gateway of ${machine} …`);
  await tunnel.untilAnswered('/healthz', wait * 1000, () => silentGateway(machine));
  const url = dashboardUrl(port, await login(machine, context));
  out.print(url);
  using _page = open ? openBrowser(url, settings) : undefined;
  out.note(
    `This is the dashboard of ${machine}, until Ctrl-C. The address logs in once, within ten minutes.`,
  );
  await Promise.race([tunnel.ended, aborted(signal)]);
}

async function login(machine: string, { settings, signal }: CliContext): Promise<DashboardLogin> {
  try {
    // Loaded only now: most calls of the command need no SSH.
    const { connectSsh } = await import('#integrations/ssh/connect.ts');
    await using connection = await connectSsh({
      access: accessOf(settings),
      machine,
      timeoutMs: CONNECT_TIMEOUT_MS,
      signal,
    });
    return await dashboardLogin(connection, signal);
  } catch (error) {
    throw error instanceof SshError ? new CliError(error.message, error.remedy, { cause: error }) : error;
  }
}

async function onlyAgent({ settings }: CliContext): Promise<string> {
  const hosts = await fleetHosts(settings);
  const agents = (hosts?.machines ?? []).filter((name) => name !== 'hub');
  const [only, ...others] = agents;
  if (only !== undefined && others.length === 0) return only;
  throw usageError(
    "Whose dashboard? Every agent's OpenClaw has its own.",
    agents.length === 0 ? 'Name an agent.' : `Name one of ${agents.join(', ')}.`,
  );
}

async function freePort(wanted: number | undefined): Promise<number> {
  const port = await choosePort(wanted ?? OPENCLAW.port);
  if (wanted === undefined || port === wanted) return port;
  throw new CliError(
    `Port ${wanted} of this machine is in use.`,
    'Leave --port out to take a free one, or give another.',
  );
}

function silentGateway(machine: string): CliError {
  return new CliError(
    `The OpenClaw gateway of ${machine} does not answer on its port ${OPENCLAW.port}.`,
    `Does it run? Look at \`olympus logs ${machine} --unit openclaw-gateway\`; on an emulated machine it takes minutes to start: --wait 300.`,
  );
}

/** Resolves at Ctrl-C, which is how this command ends well. */
function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new InvalidArgumentError('Write a whole number from 1 to 65535.');
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('Write a number of seconds, up to 3600.');
}
