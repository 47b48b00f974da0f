export interface GatewayEnvironmentOptions {
  readonly homeDir: string;
  readonly stateDir: string;
  readonly configPath: string;
  readonly path: string;
  readonly maxHeapMib?: number;
}

/**
 * The whole environment of a gateway process. It holds no secret: the agent's own shell inherits it.
 */
export function gatewayEnvironment(options: GatewayEnvironmentOptions): Record<string, string> {
  const { maxHeapMib = 1_536 } = options;
  return {
    HOME: options.homeDir,
    PATH: options.path,
    NODE_ENV: 'production',
    NODE_OPTIONS: `--max-old-space-size=${maxHeapMib}`,
    OPENCLAW_STATE_DIR: options.stateDir,
    OPENCLAW_CONFIG_PATH: options.configPath,
    // Nothing rewrites the configuration behind Ansible's back.
    OPENCLAW_CONFIG_READONLY: '1',
    OPENCLAW_SUPERVISOR_MODE: 'external',
    OPENCLAW_SERVICE_REPAIR_POLICY: 'external',
    OPENCLAW_DISABLE_BONJOUR: '1',
    OPENCLAW_NO_AUTO_UPDATE: '1',
    OPENCLAW_OFFLINE: '1',
  };
}
