import assert from 'node:assert/strict';
import { labModel } from '#lab/up/model.ts';

const RELAY = 'http://10.220.1.1:11500';

describe('the model of a lab', () => {
  it('is the scripted one where no provider is named', () => {
    assert.deepEqual(labModel({}, RELAY), {
      model_base_url: `${RELAY}/v1`,
      model_api: 'openai-completions',
      model_id: 'scripted-1',
    });
  });

  it("is the provider's own, in its format", () => {
    const openai = labModel({ OPENAI_API_KEY: 'k', OPENAI_MODEL: 'gpt-x' }, RELAY);
    assert.deepEqual([openai.model_api, openai.model_id], ['openai-completions', 'gpt-x']);
    const anthropic = labModel({ ANTHROPIC_API_KEY: 'k', ANTHROPIC_MODEL: 'claude-x' }, RELAY);
    assert.deepEqual(anthropic, {
      model_base_url: RELAY,
      model_api: 'anthropic-messages',
      model_id: 'claude-x',
    });
    const ollama = labModel({ OLLAMA_HOST: '127.0.0.1', OLLAMA_MODEL: 'llama' }, RELAY);
    assert.equal(ollama.model_id, 'llama');
  });

  it('has to be named, and the error says by which variable', () => {
    assert.throws(() => labModel({ OPENAI_API_KEY: 'k' }, RELAY), { remedy: /OPENAI_MODEL/ });
    assert.throws(() => labModel({ ANTHROPIC_API_KEY: 'k' }, RELAY), { remedy: /ANTHROPIC_MODEL/ });
    assert.throws(() => labModel({ OLLAMA_HOST: '127.0.0.1' }, RELAY), { remedy: /OLLAMA_MODEL/ });
  });
});
