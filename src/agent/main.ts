import path from 'node:path';
import { Manifest } from '#core/manifest.ts';
import { readBusCa } from '#integrations/nats/tls.ts';
import { systemClock } from '#lib/clock.ts';
import { ConfigError, readConfig, readSecretFile } from '#lib/config.ts';
import { runProgram } from '#lib/lifecycle-program.ts';
import { captureConsole, createLogger } from '#lib/log.ts';
import { runMain } from '#lib/run-main.ts';
import { createSdNotifier } from '#lib/sd-notify.ts';
import { releaseVersion } from '#lib/version.ts';
import { readYaml } from '#lib/yaml.ts';
import { AgentConfig } from './config.ts';
import { createDaemon } from './daemon.ts';
import { createHarness } from './harness.ts';
import { chatAccountOf, controlApiOf, harnessChoiceOf } from './peers.ts';

await runMain('olympusd', async () => {
  const config = readConfig(AgentConfig, process.env);
  const manifest = readYaml(path.join(config.OLYMPUS_AGENT_DIR, 'agent.yml'), Manifest);
  if (manifest.name !== config.OLYMPUS_AGENT) {
    throw new ConfigError(
      `OLYMPUS_AGENT=${config.OLYMPUS_AGENT}: ${config.OLYMPUS_AGENT_DIR}/agent.yml is the manifest of ${manifest.name}`,
    );
  }
  const log = createLogger({ name: 'olympusd', level: config.OLYMPUS_LOG_LEVEL }).child({
    agent: manifest.name,
  });
  captureConsole(log);
  await runProgram({
    lifecycle: createDaemon({
      config,
      manifest,
      busCa: readBusCa(config),
      busSeed: readSecretFile('OLYMPUS_NATS_SEED_FILE', config.OLYMPUS_NATS_SEED_FILE),
      account: chatAccountOf(config, manifest),
      harness: (gate) =>
        createHarness(harnessChoiceOf(config), {
          gate,
          log: log.child({ part: config.OLYMPUS_HARNESS }),
          clock: systemClock,
        }),
      controlApi: controlApiOf(config),
      version: releaseVersion(),
      log,
      clock: systemClock,
    }),
    log,
    notify: createSdNotifier(process.env),
    stopTimeoutMs: config.OLYMPUS_DRAIN_MS,
  });
});
