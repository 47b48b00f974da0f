import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { chooseProvider, providerEnvironment } from '#lab/relay/provider.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('the model provider of a lab', () => {
  const OPENAI = { baseUrl: 'https://api.openai.com/v1', key: 'k' };
  const CHOSEN: readonly [
    what: string,
    env: Record<string, string>,
    openai: object | undefined,
    anthropic?: object,
  ][] = [
    ['OpenAI', { OPENAI_API_KEY: 'k' }, OPENAI],
    [
      'another address of its kind',
      { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'https://m.example/v1/' },
      { baseUrl: 'https://m.example/v1', key: 'k' },
    ],
    [
      'one that asks for no key',
      { OPENAI_BASE_URL: 'http://m.example:8000/v1' },
      { baseUrl: 'http://m.example:8000/v1' },
    ],
    ['OpenAI before Ollama', { OPENAI_API_KEY: 'k', OLLAMA_HOST: '127.0.0.1' }, OPENAI],
    ['Ollama by its address', { OLLAMA_HOST: '10.0.0.9' }, { baseUrl: 'http://10.0.0.9:11434/v1' }],
    ['Ollama by address and port', { OLLAMA_HOST: '10.0.0.9:8080' }, { baseUrl: 'http://10.0.0.9:8080/v1' }],
    ['Ollama that listens everywhere', { OLLAMA_HOST: '0.0.0.0' }, { baseUrl: 'http://127.0.0.1:11434/v1' }],
    ['Ollama by URL', { OLLAMA_HOST: 'https://ollama.example/' }, { baseUrl: 'https://ollama.example/v1' }],
    [
      'Anthropic',
      { ANTHROPIC_API_KEY: 'a' },
      undefined,
      { baseUrl: 'https://api.anthropic.com/v1', key: 'a' },
    ],
    [
      'Anthropic by an address with the version',
      { ANTHROPIC_API_KEY: 'a', ANTHROPIC_BASE_URL: 'https://m.example/v1' },
      undefined,
      { baseUrl: 'https://m.example/v1', key: 'a' },
    ],
    [
      'both, each for its format',
      { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'a' },
      OPENAI,
      { baseUrl: 'https://api.anthropic.com/v1', key: 'a' },
    ],
  ];

  for (const [what, env, openai, anthropic] of CHOSEN) {
    it(`is ${what}`, () => {
      const provider = chooseProvider(env);

      assert.deepEqual(provider?.openai, openai);
      assert.deepEqual(provider?.anthropic, anthropic);
      assert.doesNotMatch(provider?.label ?? '', /\b[ka]\b/);
    });
  }

  it('is nobody without a key or an address', () => {
    assert.equal(chooseProvider({ ANTHROPIC_BASE_URL: 'https://m.example' }), undefined);
  });

  it('is refused when its address is none', () => {
    assert.throws(
      () => chooseProvider({ OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'm.example' }),
      /OPENAI_BASE_URL=m\.example/,
    );
  });

  it('comes from the environment, then from the .env files in their order, and nothing else does', async () => {
    await using dir = await tempDir('provider');
    const files = ['first', 'second', 'missing'].map((name) => path.join(dir.path, name));
    writeFileSync(files[0] ?? '', 'OPENAI_API_KEY=first\nHOME=/elsewhere\nHTTPS_PROXY=http://stranger\n');
    writeFileSync(files[1] ?? '', 'OPENAI_API_KEY=second\nANTHROPIC_API_KEY=second\nOLLAMA_HOST=second\n');

    const found = providerEnvironment({ OLLAMA_HOST: 'env', OPENAI_BASE_URL: '', SECRET: 'x' }, files);

    assert.deepEqual(found, { OPENAI_API_KEY: 'first', ANTHROPIC_API_KEY: 'second', OLLAMA_HOST: 'env' });
  });
});
