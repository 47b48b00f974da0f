import { readBusCa } from '#integrations/nats/tls.ts';
import { systemClock } from '#lib/clock.ts';
import { readConfig, readSecretFile } from '#lib/config.ts';
import { runProgram } from '#lib/lifecycle-program.ts';
import { captureConsole, createLogger } from '#lib/log.ts';
import { runMain } from '#lib/run-main.ts';
import { createSdNotifier } from '#lib/sd-notify.ts';
import { releaseVersion } from '#lib/version.ts';
import { ControlConfig } from './config.ts';
import { createControlPlane } from './control-plane.ts';
import { readGithubSecrets } from './github/secrets.ts';

await runMain('olympus-control', async () => {
  const config = readConfig(ControlConfig, process.env);
  const log = createLogger({ name: 'olympus-control', level: config.OLYMPUS_LOG_LEVEL });
  captureConsole(log);
  const secrets = {
    busSeed: readSecretFile('OLYMPUS_NATS_SEED_FILE', config.OLYMPUS_NATS_SEED_FILE),
    apiToken: readSecretFile('OLYMPUS_API_TOKEN_FILE', config.OLYMPUS_API_TOKEN_FILE),
    github: readGithubSecrets(config),
  };
  await runProgram({
    lifecycle: createControlPlane({
      config,
      busCa: readBusCa(config),
      secrets,
      version: releaseVersion(),
      log,
      clock: systemClock,
    }),
    log,
    notify: createSdNotifier(process.env),
    stopTimeoutMs: config.OLYMPUS_DRAIN_MS,
  });
});
