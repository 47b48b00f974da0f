import assert from 'node:assert/strict';
import {
  type GatewayConfigOptions,
  renderAgentSettings,
  renderGatewayConfig,
} from '#integrations/openclaw/config.ts';
import { gatewayEnvironment } from '#integrations/openclaw/environment.ts';

const options: GatewayConfigOptions = {
  agentName: 'hermes',
  workspaceDir: '/data/openclaw/workspace',
  stateDir: '/data/openclaw/state',
  packageDir: '/opt/olympus/openclaw/node_modules/openclaw',
  port: 18_789,
  gatewayTokenFile: '/etc/olympus/secrets/gateway-token',
  modelKeyFile: '/etc/olympus/secrets/model-key',
  modelBaseUrl: 'http://127.0.0.1:19101/v1',
  modelApi: 'openai-completions',
  modelId: 'lead',
};

describe('the configuration of a gateway', () => {
  const config = renderGatewayConfig(options);

  it('keeps to the loopback interface and names secrets by file only', () => {
    assert.equal(config.gateway.bind, 'loopback');
    assert.deepEqual(config.gateway.auth.token, { source: 'file', provider: 'gw', id: 'value' });
    assert.deepEqual(config.models.providers.olympus.apiKey, {
      source: 'file',
      provider: 'llm',
      id: 'value',
    });
    assert.equal(config.secrets.providers.gw.path, options.gatewayTokenFile);
    assert.equal(config.secrets.providers.llm.path, options.modelKeyFile);
  });

  it('opens the dashboard on one address of the network when asked, and to no other origin', () => {
    const { gateway } = renderGatewayConfig({ ...options, bind: { address: '10.220.1.51' } });

    assert.deepEqual(
      { bind: gateway.bind, customBindHost: 'customBindHost' in gateway && gateway.customBindHost },
      { bind: 'custom', customBindHost: '10.220.1.51' },
    );
    assert.deepEqual(gateway.controlUi.allowedOrigins, [
      'http://127.0.0.1:18789',
      'http://10.220.1.51:18789',
    ]);
    assert.equal('customBindHost' in config.gateway, false);
    assert.deepEqual(config.gateway.controlUi.allowedOrigins, ['http://127.0.0.1:18789']);
  });

  it('switches off what would spend tokens or change the agent by itself', () => {
    assert.equal(config.agents.defaults.heartbeat.every, '0m');
    assert.equal(config.gateway.controlUi.sessionObserver, false);
    assert.equal(
      config.gateway.controlUi.root,
      '/opt/olympus/openclaw/node_modules/openclaw/dist/control-ui',
    );
    assert.equal(config.skills.workshop.autonomous.mode, 'off');
    assert.equal(config.plugins.entries['memory-core'].config.dreaming.enabled, false);
    assert.equal(config.tools.loopDetection.enabled, true);
    assert.ok(
      ['automations', 'openclaw', 'gateway', 'terminal'].every((name) => config.tools.deny.includes(name)),
    );
  });

  it('has people decide on commands only when asked, and then on those of every session', () => {
    assert.equal(config.tools.exec.mode, 'full');
    assert.ok(!config.tools.deny.includes('sessions_spawn'));
    const { tools } = renderGatewayConfig({ ...options, execMode: 'ask' });
    assert.equal(tools.exec.mode, 'ask');
    assert.ok(tools.deny.includes('sessions_spawn'));
  });

  it('is the same text for the same options', () => {
    assert.equal(JSON.stringify(renderGatewayConfig({ ...options })), JSON.stringify(config));
  });

  it('bounds how long the gateway goes on trying a provider that fails', () => {
    assert.deepEqual(renderAgentSettings(), {
      retry: { provider: { maxRetries: 2, maxRetryDelayMs: 20_000 } },
    });
    assert.deepEqual(renderAgentSettings({ maxRetries: 0 }).retry.provider.maxRetries, 0);
  });
});

describe('the environment of a gateway', () => {
  it('holds no secret and forbids changes to the configuration', () => {
    const env = gatewayEnvironment({
      homeDir: '/h',
      stateDir: '/s',
      configPath: '/s/openclaw.json',
      path: '/bin',
    });

    assert.deepEqual(
      Object.keys(env).filter((name) => /TOKEN|KEY|SECRET|PASSWORD/.test(name)),
      [],
    );
    assert.equal(env['OPENCLAW_CONFIG_READONLY'], '1');
  });
});
