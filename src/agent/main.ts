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
  const secrets = {
    busSeed: readSecretFile('OLYMPUS_NATS_SEED_FILE', config.OLYMPUS_NATS_SEED_FILE),
    chatToken: readSecretFile('OLYMPUS_MATTERMOST_TOKEN_FILE', config.OLYMPUS_MATTERMOST_TOKEN_FILE),
    gatewayToken: readSecretFile('OLYMPUS_OPENCLAW_TOKEN_FILE', config.OLYMPUS_OPENCLAW_TOKEN_FILE),
  };
  const { OLYMPUS_CONTROL_URL: url, OLYMPUS_API_TOKEN_FILE: tokenFile } = config;
  if (url && !tokenFile) {
    throw new ConfigError(
      "OLYMPUS_API_TOKEN_FILE is not set: name the file of the agent's token for OLYMPUS_CONTROL_URL, or leave both out",
    );
  }
  await runProgram({
    lifecycle: createDaemon({
      config,
      manifest,
      busCa: readBusCa(config),
      secrets,
      ...(url && tokenFile
        ? { controlApi: { url, token: readSecretFile('OLYMPUS_API_TOKEN_FILE', tokenFile) } }
        : {}),
      version: releaseVersion(),
      log,
      clock: systemClock,
    }),
    log,
    notify: createSdNotifier(process.env),
    stopTimeoutMs: config.OLYMPUS_DRAIN_MS,
  });
});
