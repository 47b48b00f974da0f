import type { PromptMessage } from './prompt.ts';
import { type Answer, asArray, asRecord, sse, textOf, type WireFormat } from './wire-format.ts';

/** OpenAI's chat completions: `POST /v1/chat/completions`. */
export const openai: WireFormat = {
  name: 'openai',
  path: '/v1/chat/completions',

  keyOf(headers) {
    return /^Bearer (.+)$/i.exec(String(headers['authorization'] ?? ''))?.[1];
  },

  promptOf(body) {
    const request = asRecord(body, 'the body');
    if (typeof request['model'] !== 'string') throw new TypeError('you must provide a model parameter');
    const system: string[] = [];
    const messages: PromptMessage[] = [];
    for (const value of asArray(request['messages'], 'messages')) {
      const message = asRecord(value, 'a message');
      const text = textOf(message['content']);
      if (message['role'] === 'system' || message['role'] === 'developer') system.push(text);
      else if (message['role'] === 'tool') messages.push({ role: 'tool', text });
      else messages.push({ role: message['role'] === 'assistant' ? 'assistant' : 'user', text });
    }
    const streamOptions = asRecord(request['stream_options'] ?? {}, 'stream_options');
    return {
      prompt: { model: request['model'], system: system.join('\n\n'), messages },
      stream: request['stream'] === true,
      usageChunk: streamOptions['include_usage'] === true,
    };
  },

  error(status, message) {
    const [type, code, text] = errors[status] ?? ['server_error', null, 'The server had an error.'];
    return { error: { message: message ?? text, type, param: null, code } };
  },

  whole(answer) {
    return {
      ...head(answer, 'chat.completion'),
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: answer.toolCall ? null : answer.text,
            ...(answer.toolCall ? { tool_calls: [toolCall(answer)] } : {}),
          },
          finish_reason: answer.toolCall ? 'tool_calls' : 'stop',
        },
      ],
      usage: usage(answer),
    };
  },

  opening: (answer) => chunk(answer, { role: 'assistant', content: '' }),
  delta: (answer, text) => chunk(answer, { content: text }),
  ending(answer, usageChunk) {
    const call = answer.toolCall ? chunk(answer, { tool_calls: [{ index: 0, ...toolCall(answer) }] }) : '';
    const last = chunk(answer, {}, answer.toolCall ? 'tool_calls' : 'stop');
    const counts = usageChunk
      ? sse({ ...head(answer, 'chat.completion.chunk'), choices: [], usage: usage(answer) })
      : '';
    return call + last + counts + sse('[DONE]');
  },
};

const errors: Readonly<Record<number, readonly [string, string | null, string]>> = {
  400: ['invalid_request_error', null, 'The request could not be understood.'],
  401: ['invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.'],
  403: ['invalid_request_error', 'unsupported_country_region_territory', 'Access denied.'],
  404: ['invalid_request_error', 'model_not_found', 'The model does not exist.'],
  429: ['requests', 'rate_limit_exceeded', 'Rate limit reached for requests.'],
};

function head(answer: Answer, object: string): object {
  return { id: answer.id, object, created: answer.createdSeconds, model: answer.model };
}

function chunk(answer: Answer, delta: object, finishReason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  return sse({ ...head(answer, 'chat.completion.chunk'), choices });
}

function toolCall(answer: Answer): object {
  const { name = '', args = {} } = answer.toolCall ?? {};
  return { id: `call_${answer.id}`, type: 'function', function: { name, arguments: JSON.stringify(args) } };
}

function usage({ inputTokens, outputTokens }: Answer): object {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  };
}
