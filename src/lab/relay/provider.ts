import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import type { Environment } from '#lib/config.ts';
import { LabError } from '../lab-error.ts';

/** A server that answers model calls. `baseUrl` ends with the part before `/chat/completions` or `/messages`. */
export interface Upstream {
  readonly baseUrl: string;
  readonly key?: string;
}

/** Who answers which of the two formats. */
export interface Provider {
  readonly openai?: Upstream;
  readonly anthropic?: Upstream;
  /** Both in words, without a key. */
  readonly label: string;
}

const PROVIDER_VARIABLES = [
  'OPENAI_API_KEY',
  'OPENAI_BASE_URL',
  'OPENAI_MODEL',
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_BASE_URL',
  'ANTHROPIC_MODEL',
  'OLLAMA_HOST',
  'OLLAMA_MODEL',
] as const;

/** How this machine reaches the outside: the relay goes the same way. */
const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];
const TRUST_VARIABLES = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'];

const OPENAI = 'https://api.openai.com/v1';
const ANTHROPIC = 'https://api.anthropic.com';
const OLLAMA_PORT = 11_434;

/**
 * What the relay needs to know of the person's environment: keys and addresses of model providers, out of it or out
 * of these .env files, and the way out. An earlier place wins.
 */
export function providerEnvironment(env: Environment, envFiles: readonly string[]): Record<string, string> {
  const files = envFiles.filter((file) => existsSync(file)).map((file) => parse(readFileSync(file)));
  const places = [env, ...files];
  const found = PROVIDER_VARIABLES.flatMap((name) => {
    const value = places.map((place) => place[name]?.trim()).find(Boolean);
    return value ? [[name, value] as const] : [];
  });
  const wayOut = [...PROXY_VARIABLES, ...TRUST_VARIABLES].flatMap((name) => {
    const value = env[name];
    return value ? [[name, value] as const] : [];
  });
  return Object.fromEntries([...found, ...wayOut]);
}

/** The provider that environment names; undefined when it names none, and the scripted stand-in has to answer. */
export function chooseProvider(env: Environment): Provider | undefined {
  const openai = openaiUpstream(env) ?? ollamaUpstream(env);
  const anthropic = anthropicUpstream(env);
  const labels = [
    ...(openai ? [`${openaiUpstream(env) ? 'OpenAI' : 'Ollama'} at ${openai.baseUrl}`] : []),
    ...(anthropic ? [`Anthropic at ${anthropic.baseUrl}`] : []),
  ];
  if (labels.length === 0) return undefined;
  return { ...(openai ? { openai } : {}), ...(anthropic ? { anthropic } : {}), label: labels.join(', ') };
}

/** The same for the same provider and key, and nothing can be learned from it. */
export function fingerprint(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

function openaiUpstream(env: Environment): Upstream | undefined {
  const { OPENAI_API_KEY: key, OPENAI_BASE_URL: url } = env;
  if (!key && !url) return undefined;
  return { baseUrl: url ? checkedUrl('OPENAI_BASE_URL', url) : OPENAI, ...(key ? { key } : {}) };
}

function anthropicUpstream(env: Environment): Upstream | undefined {
  const { ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: url } = env;
  if (!key) return undefined;
  // People write this address with and without the version.
  const base = (url ? checkedUrl('ANTHROPIC_BASE_URL', url) : ANTHROPIC).replace(/\/v1$/, '');
  return { baseUrl: `${base}/v1`, key };
}

/** OLLAMA_HOST is also what that server listens on: a bare address, with or without a port, or every address. */
function ollamaUpstream({ OLLAMA_HOST: given }: Environment): Upstream | undefined {
  if (!given) return undefined;
  const bare = !/^https?:\/\//.test(given);
  const port = bare && !/:\d+$/.test(given) ? `:${OLLAMA_PORT}` : '';
  const url = new URL(checkedUrl('OLLAMA_HOST', bare ? `http://${given}${port}` : given));
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  return { baseUrl: `${url.href.replace(/\/+$/, '')}/v1` };
}

function checkedUrl(variable: string, value: string): string {
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new LabError(
      `${variable}=${value} is not an address.`,
      'Write one such as https://models.example/v1.',
    );
  }
  return value.replace(/\/+$/, '');
}
