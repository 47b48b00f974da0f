import { z } from 'zod';
import { Token } from '#core/tokens.ts';
import { renderAgentSettings, renderGatewayConfig } from '#integrations/openclaw/config.ts';
import { defineDocument } from './document.ts';

const AbsolutePath = z.string().regex(/^\//, 'write an absolute path');
const Count = z.number().int().positive();
const Price = z.number().nonnegative();

const GatewayInput = z
  .strictObject({
    agentName: Token,
    workspaceDir: AbsolutePath,
    stateDir: AbsolutePath,
    packageDir: AbsolutePath,
    port: z.number().int().min(1).max(65_535),
    gatewayTokenFile: AbsolutePath,
    modelKeyFile: AbsolutePath,
    modelBaseUrl: z.url({ protocol: /^https?$/, error: 'write a URL such as http://10.220.1.1:11500/v1' }),
    modelApi: z.enum(['openai-completions', 'anthropic-messages']),
    modelId: z.string().min(1),
    contextWindow: Count.exactOptional(),
    maxOutputTokens: Count.exactOptional(),
    modelCost: z
      .strictObject({ input: Price, output: Price, cacheRead: Price, cacheWrite: Price })
      .exactOptional(),
    runTimeoutSeconds: Count.exactOptional(),
    concurrency: Count.exactOptional(),
    providerTimeoutSeconds: Count.exactOptional(),
    bind: z.enum(['loopback', 'lan']).default('loopback'),
    address: z.ipv4({ error: "write the machine's IPv4 address" }).exactOptional(),
    execMode: z.enum(['full', 'ask']).exactOptional(),
    allowedOrigins: z.array(z.url({ protocol: /^https?$/ })).exactOptional(),
  })
  .refine(({ bind, address }) => bind === 'loopback' || address !== undefined, {
    path: ['address'],
    error: 'with bind lan, write the address to listen on',
  })
  .refine(
    ({ modelApi, modelBaseUrl }) => modelApi !== 'anthropic-messages' || !/\/v1\/?$/.test(modelBaseUrl),
    {
      path: ['modelBaseUrl'],
      error: 'with anthropic-messages, write it without /v1: the gateway adds that',
    },
  );

/** `openclaw.json`. */
export const gatewayConfig = defineDocument('gateway-config', GatewayInput, ({ bind, address, ...options }) =>
  json(renderGatewayConfig({ ...options, ...(bind === 'lan' && address ? { bind: { address } } : {}) })),
);

const SettingsInput = z.strictObject({
  maxRetries: z.number().int().nonnegative().exactOptional(),
  maxRetryDelayMs: Count.exactOptional(),
});

/** The settings of the agent inside the gateway. */
export const agentSettings = defineDocument('agent-settings', SettingsInput, (options) =>
  json(renderAgentSettings(options)),
);

function json(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}
