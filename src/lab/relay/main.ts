import { parseArgs } from 'node:util';
import { systemClock } from '#lib/clock.ts';
import { Lifecycle } from '#lib/lifecycle.ts';
import { runProgram } from '#lib/lifecycle-program.ts';
import { createLogger } from '#lib/log.ts';
import { createSdNotifier } from '#lib/sd-notify.ts';
import { CONFIG_FILE, readGateConfig } from './gate-config.ts';
import { machineSide, switchSide } from './gate-sides.ts';

// Started by the lab, in the lab's folder, as `main.ts switch|machine --lab olympus-<id>`: which side of the gates it
// is, and what `lab down` finds it by.
const { positionals } = parseArgs({
  allowPositionals: true,
  options: { lab: { type: 'string' } },
});
const side = positionals[0] === 'switch' ? 'switch' : 'machine';
const log = createLogger({ name: `lab-gate-${side}` });
const config = readGateConfig(CONFIG_FILE);
const parts =
  side === 'switch'
    ? switchSide(config, log)
    : machineSide(config, { env: process.env, log, clock: systemClock });
await runProgram({
  lifecycle: new Lifecycle(parts, log),
  log,
  notify: createSdNotifier({}),
  stopTimeoutMs: 3000,
});
