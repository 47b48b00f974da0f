import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { anthropic } from '../../src/standins/model/anthropic.ts';
import { openai } from '../../src/standins/model/openai.ts';
import { defaultAnswer, lastUserText, promptDigest } from '../../src/standins/model/prompt.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the prompt the model stand-in sees', () => {
  const asOpenai = openai.promptOf({
    model: 'm',
    messages: [
      { role: 'system', content: 'You are athena. nonce:ab-12' },
      { role: 'user', content: [{ type: 'text', text: 'list the files' }] },
      { role: 'assistant', content: null, tool_calls: [] },
      { role: 'tool', tool_call_id: 'x', content: 'README.md' },
    ],
  }).prompt;
  const asAnthropic = anthropic.promptOf({
    model: 'm',
    system: [{ type: 'text', text: 'You are athena. nonce:ab-12' }],
    messages: [
      { role: 'user', content: 'list the files' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'x', name: 'ls', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content: 'README.md' }] },
    ],
  }).prompt;

  it('is the same in both wire formats', () => {
    assert.deepEqual(asAnthropic, asOpenai);
  });

  it('leaves out what the agent runtime added to the words of the person', () => {
    const context = '<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\nnone\n<<<END_OPENCLAW_INTERNAL_CONTEXT>>>';
    const messages = [
      { role: 'user', text: 'list the files' },
      { role: 'user', text: context },
    ] as const;

    assert.equal(lastUserText({ model: 'm', system: '', messages }), 'list the files');
    assert.equal(
      lastUserText({ model: 'm', system: '', messages: [{ role: 'user', text: `hi\n${context}` }] }),
      'hi',
    );
  });

  it('has a digest over system text and messages', () => {
    const canonical = JSON.stringify([
      'You are athena. nonce:ab-12',
      ['user', 'list the files'],
      ['assistant', ''],
      ['tool', 'README.md'],
    ]);
    assert.equal(promptDigest(asOpenai), sha256(canonical));
  });

  it('is answered with a notice, an echo, the digest and a proof of each nonce', () => {
    const lines = defaultAnswer(asOpenai).split('\n');
    assert.match(lines[0] ?? '', /scripted model standing in/);
    assert.equal(lines[1], 'You said: list the files');
    assert.equal(lines[2], `prompt-digest: ${promptDigest(asOpenai)}`);
    assert.equal(lines[3], `seen ${sha256('nonce:ab-12')}`);
  });
});
