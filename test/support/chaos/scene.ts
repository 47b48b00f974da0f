import type { NatsConnection } from 'nats';
import { ControlSurface } from '../control-surface.ts';
import { waitFor } from '../wait.ts';
import { Askers } from './askers.ts';
import { ChaosBus, connectAs } from './bus.ts';
import type { ChaosOptions } from './chaos.ts';
import { Clocks } from './clocks.ts';
import { ControlApi } from './control-api.ts';
import type { Disks } from './disks.ts';
import { Faults } from './faults.ts';
import { prepareScriptedFleet, type ScriptedFleet } from './fleet.ts';
import type { FaultKind } from './plan.ts';
import { PlayedAgent } from './played-agent.ts';

/** How much longer than a fault may last people go on asking. */
const PATIENCE_MS = 60_000;

/** The agent without a daemon. */
export const PLAYED = 'charon';

/** A fleet that runs, and all that is around it: who asks, who disturbs, who looks. */
export interface Scene extends AsyncDisposable {
  readonly fleet: ScriptedFleet;
  readonly bus: ChaosBus;
  readonly api: ControlApi;
  readonly askers: Askers;
  readonly faults: Faults;
  /** The kinds that can happen here. */
  readonly possible: readonly FaultKind[];
  /** Those that cannot, and why. */
  readonly leftOut: Readonly<Partial<Record<FaultKind, string>>>;
}

/** Far above what is asked here: how much may be asked is not what is tried. */
const SETTINGS = {
  OLYMPUS_REQUESTS_PER_MINUTE: '1000000',
  OLYMPUS_RETRY_SCALE: '0.05',
  OLYMPUS_SWEEP_MS: '2000',
};

/** Starts it in `dir`, where the state directories are on `disks` already. */
export async function openScene(
  { seed, tasks, kinds, root, holdMs }: ChaosOptions,
  { dir, agents, disks }: { readonly dir: string; readonly agents: readonly string[]; readonly disks: Disks },
): Promise<Scene> {
  const clocks = new Clocks(dir);
  const leftOut = leftOutOf(kinds, disks, clocks);
  const possible = kinds.filter((kind) => leftOut[kind] === undefined);
  if (possible.length === 0) throw new Error(`none of this can happen here: ${JSON.stringify(leftOut)}`);

  await using opened = new AsyncDisposableStack();
  const envOf = (name: string): Record<string, string> => clocks.envOf(name);
  const plan = { dir, root, agents, played: [PLAYED], settings: SETTINGS, envOf };
  const fleet = opened.use(await prepareScriptedFleet(plan));
  await fleet.start();
  const connections = new Map<string, NatsConnection>();
  for (const name of [...agents, PLAYED]) {
    const connection = await connectAs(fleet.nats.url, fleet.seedOf(name), `_INBOX_${name}`);
    connections.set(name, connection);
    opened.defer(() => connection.close());
  }
  const bus = opened.use(await ChaosBus.open(fleet.nats.url, fleet.seedOf('control')));
  const patienceMs = PATIENCE_MS + (holdMs ?? 0);
  const api = new ControlApi(fleet.control, patienceMs);
  const played = new PlayedAgent(PLAYED, connections, api);
  await played.register();
  await untilKnown(api, agents);
  const askers = new Askers({ seed, tasks, agents, connections, api, patienceMs });
  const harness = new ControlSurface(fleet.harness.adminUrl);
  await harness.post('script', { rules: rulesFor(askers) });
  const faults = new Faults({ fleet, bus, harness, disks, clocks, played });
  const all = opened.move();
  return {
    fleet,
    bus,
    api,
    askers,
    faults,
    possible,
    leftOut,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function untilKnown(api: ControlApi, names: readonly string[]): Promise<void> {
  await waitFor(
    'every agent to be known',
    async () => {
      const text = JSON.stringify((await api.call('GET', 'agents')).body);
      return names.every((name) => text.includes(`"${name}"`));
    },
    { timeoutMs: 60_000 },
  );
}

function leftOutOf(
  kinds: readonly FaultKind[],
  disks: Disks,
  clocks: Clocks,
): Partial<Record<FaultKind, string>> {
  const reasonFor = (kind: FaultKind): string | undefined => {
    if (kind.startsWith('full-disk')) return disks.missing;
    return kind.startsWith('clock') ? clocks.missing : undefined;
  };
  return Object.fromEntries(
    kinds.flatMap((kind) => {
      const reason = reasonFor(kind);
      return reason ? [[kind, reason]] : [];
    }),
  );
}

/** What the script does with each kind of work; what it has no rule for is answered at once. */
function rulesFor(askers: Askers): object[] {
  const always = 1_000_000;
  const rules = [
    { match: '[slow]', times: always, behaviour: { durationMs: 1500, tools: ['saw', 'plane'] } },
    { match: '[hard]', times: always, behaviour: { failure: 'invalid_input' } },
    { match: '[endless]', times: always, behaviour: { neverEnds: true } },
  ];
  const flaky = askers.count('flaky');
  if (flaky === 0) return rules;
  return [...rules, { match: '[flaky]', times: flaky, behaviour: { failure: 'model_overloaded' } }];
}
