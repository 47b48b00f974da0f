import { systemClock } from '#lib/clock.ts';
import { ConfigError, EX_CONFIG, readConfig, readSecretFile } from '#lib/config.ts';
import { runProgram } from '#lib/lifecycle-program.ts';
import { captureConsole, createLogger } from '#lib/log.ts';
import { createSdNotifier } from '#lib/sd-notify.ts';
import { releaseVersion } from '#lib/version.ts';
import { ControlConfig } from './config.ts';
import { createControlPlane } from './control-plane.ts';

try {
  const config = readConfig(ControlConfig, process.env);
  const log = createLogger({ name: 'olympus-control', level: config.OLYMPUS_LOG_LEVEL });
  captureConsole(log);
  const lifecycle = createControlPlane({
    config,
    secrets: {
      busSeed: readSecretFile('OLYMPUS_NATS_SEED_FILE', config.OLYMPUS_NATS_SEED_FILE),
      apiToken: readSecretFile('OLYMPUS_API_TOKEN_FILE', config.OLYMPUS_API_TOKEN_FILE),
    },
    version: releaseVersion(),
    log,
    clock: systemClock,
  });
  await runProgram({
    lifecycle,
    log,
    notify: createSdNotifier(process.env),
    stopTimeoutMs: config.OLYMPUS_DRAIN_MS,
  });
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`olympus-control cannot start:\n${error.message}\n`);
  process.exitCode = EX_CONFIG;
}
