import path from 'node:path';
import { Manifest } from '#core/manifest.ts';
import { systemClock } from '#lib/clock.ts';
import { ConfigError, EX_CONFIG, readConfig, readSecretFile } from '#lib/config.ts';
import { runProgram } from '#lib/lifecycle-program.ts';
import { captureConsole, createLogger } from '#lib/log.ts';
import { createSdNotifier } from '#lib/sd-notify.ts';
import { releaseVersion } from '#lib/version.ts';
import { readYaml, YamlError } from '#lib/yaml.ts';
import { AgentConfig } from './config.ts';
import { createDaemon } from './daemon.ts';

try {
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
  const lifecycle = createDaemon({
    config,
    manifest,
    secrets: {
      busSeed: readSecretFile('OLYMPUS_NATS_SEED_FILE', config.OLYMPUS_NATS_SEED_FILE),
      chatToken: readSecretFile('OLYMPUS_MATTERMOST_TOKEN_FILE', config.OLYMPUS_MATTERMOST_TOKEN_FILE),
      gatewayToken: readSecretFile('OLYMPUS_OPENCLAW_TOKEN_FILE', config.OLYMPUS_OPENCLAW_TOKEN_FILE),
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
  if (!(error instanceof ConfigError || error instanceof YamlError)) throw error;
  process.stderr.write(`olympusd cannot start:\n${error.message}\n`);
  process.exitCode = EX_CONFIG;
}
