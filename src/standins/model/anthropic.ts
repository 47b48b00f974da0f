import type { PromptMessage } from './prompt.ts';
import { type Answer, asArray, asRecord, sse, textOf, type WireFormat } from './wire-format.ts';

/** Anthropic's messages: `POST /v1/messages`. */
export const anthropic: WireFormat = {
  name: 'anthropic',
  path: '/v1/messages',

  keyOf(headers) {
    const key = headers['x-api-key'];
    return typeof key === 'string'
      ? key
      : /^Bearer (.+)$/i.exec(headers['authorization']?.toString() ?? '')?.[1];
  },

  promptOf(body) {
    const request = asRecord(body, 'the body');
    if (typeof request['model'] !== 'string') throw new TypeError('model: Field required');
    return {
      prompt: {
        model: request['model'],
        system: textOf(request['system']),
        messages: asArray(request['messages'], 'messages').flatMap(messagesOf),
      },
      stream: request['stream'] === true,
      usageChunk: true,
    };
  },

  error(status, message) {
    const [type, text] = errors[status] ?? ['api_error', 'Internal server error'];
    return { type: 'error', error: { type, message: message ?? text }, request_id: 'req_standin' };
  },

  whole(answer) {
    return {
      ...head(answer),
      content: answer.toolCall
        ? [{ type: 'tool_use', id: toolId(answer), name: answer.toolCall.name, input: answer.toolCall.args }]
        : [{ type: 'text', text: answer.text }],
      stop_reason: stopReason(answer),
      stop_sequence: null,
      usage: { input_tokens: answer.inputTokens, output_tokens: answer.outputTokens },
    };
  },

  opening(answer) {
    const block = answer.toolCall
      ? { type: 'tool_use', id: toolId(answer), name: answer.toolCall.name, input: {} }
      : { type: 'text', text: '' };
    const usage = { input_tokens: answer.inputTokens, output_tokens: 1 };
    return (
      event('message_start', {
        message: { ...head(answer), content: [], stop_reason: null, stop_sequence: null, usage },
      }) + event('content_block_start', { index: 0, content_block: block })
    );
  },

  delta: (_answer, text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),

  ending(answer) {
    const call = answer.toolCall
      ? event('content_block_delta', {
          index: 0,
          delta: { type: 'input_json_delta', partial_json: JSON.stringify(answer.toolCall.args) },
        })
      : '';
    return (
      call +
      event('content_block_stop', { index: 0 }) +
      event('message_delta', {
        delta: { stop_reason: stopReason(answer), stop_sequence: null },
        usage: { output_tokens: answer.outputTokens },
      }) +
      event('message_stop', {})
    );
  },
};

const errors: Readonly<Record<number, readonly [string, string]>> = {
  400: ['invalid_request_error', 'The request could not be understood.'],
  401: ['authentication_error', 'invalid x-api-key'],
  403: ['permission_error', 'Your API key does not have permission to use the specified resource.'],
  404: ['not_found_error', 'The model does not exist.'],
  429: ['rate_limit_error', 'This request would exceed your rate limit.'],
  529: ['overloaded_error', 'Overloaded'],
};

/** Tool results travel inside user messages here: they become messages of their own. */
function messagesOf(value: unknown): PromptMessage[] {
  const message = asRecord(value, 'a message');
  const role = message['role'] === 'assistant' ? 'assistant' : 'user';
  const { content } = message;
  if (!Array.isArray(content)) return [{ role, text: textOf(content) }];
  const results = content.filter((part: unknown) => asRecord(part, 'a part')['type'] === 'tool_result');
  const rest = content.filter((part: unknown) => !results.includes(part));
  return [
    ...results.map((part: unknown) => ({
      role: 'tool' as const,
      text: textOf(asRecord(part, 'a part')['content']),
    })),
    ...(rest.length > 0 ? [{ role, text: textOf(rest) } as const] : []),
  ];
}

function head(answer: Answer): object {
  return { id: answer.id, type: 'message', role: 'assistant', model: answer.model };
}

function event(type: string, payload: object): string {
  return sse({ type, ...payload }, type);
}

function toolId(answer: Answer): string {
  return `toolu_${answer.id}`;
}

function stopReason(answer: Answer): string {
  return answer.toolCall ? 'tool_use' : 'end_turn';
}
