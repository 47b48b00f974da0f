import type { Environment } from '#lib/config.ts';
import { LabError } from '../lab-error.ts';
import { chooseProvider } from '../relay/provider.ts';

/** What a gateway of the lab is told about its model, in the words of the inventory. */
export interface LabModel {
  readonly model_base_url: string;
  readonly model_api: 'openai-completions' | 'anthropic-messages';
  readonly model_id: string;
}

const SCRIPTED = 'scripted-1';

/**
 * The model that the gateways ask the relay at `relayUrl` for: that of the provider in the environment, which has to
 * be named because names of models come and go, or the scripted one.
 */
export function labModel(env: Environment, relayUrl: string): LabModel {
  const provider = chooseProvider(env);
  if (!provider)
    return { model_base_url: `${relayUrl}/v1`, model_api: 'openai-completions', model_id: SCRIPTED };
  if (!provider.openai) {
    return {
      model_base_url: relayUrl,
      model_api: 'anthropic-messages',
      model_id: named(env, 'ANTHROPIC_MODEL', provider.label),
    };
  }
  const openai = env['OPENAI_API_KEY'] || env['OPENAI_BASE_URL'];
  const variable = openai ? 'OPENAI_MODEL' : 'OLLAMA_MODEL';
  return {
    model_base_url: `${relayUrl}/v1`,
    model_api: 'openai-completions',
    model_id: named(env, variable, provider.label),
  };
}

function named(env: Environment, variable: string, provider: string): string {
  const model = env[variable]?.trim();
  if (model) return model;
  throw new LabError(
    `The model provider is ${provider}, and nothing says which of its models the agents use.`,
    `Set ${variable} in the environment or in .env, or unset the provider's key for the scripted model.`,
  );
}
