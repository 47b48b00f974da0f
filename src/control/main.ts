import { readBusCa } from '#integrations/nats/tls.ts';
import { systemClock } from '#lib/clock.ts';
import { readConfig } from '#lib/config.ts';
import { runProgram } from '#lib/lifecycle-program.ts';
import { captureConsole, createLogger } from '#lib/log.ts';
import { runMain } from '#lib/run-main.ts';
import { createSdNotifier } from '#lib/sd-notify.ts';
import { releaseVersion } from '#lib/version.ts';
import { ControlConfig } from './config.ts';
import { createControlPlane } from './control-plane.ts';
import { readSecrets } from './secrets.ts';

await runMain('olympus-control', async () => {
  const config = readConfig(ControlConfig, process.env);
  const log = createLogger({ name: 'olympus-control', level: config.OLYMPUS_LOG_LEVEL });
  captureConsole(log);
  await runProgram({
    lifecycle: createControlPlane({
      config,
      busCa: readBusCa(config),
      secrets: readSecrets(config),
      version: releaseVersion(),
      log,
      clock: systemClock,
    }),
    log,
    notify: createSdNotifier(process.env),
    stopTimeoutMs: config.OLYMPUS_DRAIN_MS,
  });
});
