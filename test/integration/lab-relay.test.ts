import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { writeModelKeys } from '#lab/relay/model-keys.ts';
import { AGENT_KEY, anthropic, openai, PROVIDER_KEY, RelayBench } from '../support/relay-bench.ts';
import { waitFor } from '../support/wait.ts';

describe('the model relay', () => {
  let bench: RelayBench;
  beforeEach(async () => {
    bench = await RelayBench.open();
  });
  afterEach(() => bench[Symbol.asyncDispose]());

  it('passes an OpenAI call on with the provider’s key instead of the agent’s', async () => {
    bench.answer = (_request, response) => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'set-cookie': 'a=b',
        'x-request-id': 'r1',
      });
      response.end('{"choices":[]}');
    };

    const response = await bench.call('/v1/chat/completions?a=1', openai, '{"model":"gpt"}');

    assert.equal(response.status, 200);
    assert.equal(await response.text(), '{"choices":[]}');
    assert.equal(response.headers.get('x-request-id'), 'r1');
    assert.equal(response.headers.get('set-cookie'), null);
    assert.equal(bench.seen[0]?.url, '/openai/v1/chat/completions?a=1');
    assert.equal(bench.seen[0]?.body, '{"model":"gpt"}');
    assert.equal(bench.seen[0]?.headers.authorization, `Bearer ${PROVIDER_KEY}`);
    assert.equal(JSON.stringify(bench.seen).includes(AGENT_KEY), false);
  });

  it('passes an Anthropic call on in the same way', async () => {
    const response = await bench.call('/v1/messages', anthropic);

    assert.equal(response.status, 200);
    assert.equal(bench.seen[0]?.url, '/anthropic/v1/messages');
    assert.equal(bench.seen[0]?.headers['x-api-key'], PROVIDER_KEY);
    assert.equal(bench.seen[0]?.headers['anthropic-version'], '2023-06-01');
    assert.equal(JSON.stringify(bench.seen).includes(AGENT_KEY), false);
  });

  for (const [format, at, headers] of [
    ['OpenAI', '/v1/chat/completions', openai],
    ['Anthropic', '/v1/messages', anthropic],
  ] as const) {
    it(`passes a streamed ${format} answer back piece by piece`, async () => {
      const sent: ServerResponse[] = [];
      bench.answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: one\n\n');
        sent.push(response);
      };

      const response = await bench.call(at, headers, '{"stream":true}');
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      const first = await reader?.read();
      sent[0]?.end('data: two\n\n');
      const second = await reader?.read();

      assert.equal(response.headers.get('content-type'), 'text/event-stream');
      assert.deepEqual([first?.value, second?.value], ['data: one\n\n', 'data: two\n\n']);
      assert.equal((await reader?.read())?.done, true);
    });
  }

  it('ends the call at the provider when the agent hangs up', async () => {
    const closed = Promise.withResolvers<void>();
    bench.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n');
      response.once('close', closed.resolve);
    };
    const agent = new AbortController();
    const response = await fetch(`${bench.url}/v1/chat/completions`, {
      method: 'POST',
      headers: openai,
      body: '{}',
      signal: agent.signal,
    });
    const reader = response.body?.getReader();
    await reader?.read();

    agent.abort();

    await closed.promise;
    await reader?.read().catch(() => undefined);
    await waitFor('the log to say so', () => bench.logged.includes('the agent hung up'));
  });

  it('breaks the answer off when the provider does, so that half of one is not taken for the whole', async () => {
    bench.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n', () => response.destroy());
    };

    const response = await bench.call('/v1/chat/completions', openai);

    await assert.rejects(response.text());
  });

  it('refuses a key that is not listed, in the words of the format', async () => {
    const [asOpenai, asAnthropic] = await Promise.all([
      bench.call('/v1/chat/completions', { authorization: 'Bearer another' }),
      bench.call('/v1/messages', { 'x-api-key': PROVIDER_KEY, 'anthropic-version': '2023-06-01' }),
    ]);

    assert.deepEqual([asOpenai.status, asAnthropic.status], [401, 401]);
    const [first, second] = [await asOpenai.json(), await asAnthropic.json()] as Record<string, unknown>[];
    assert.ok(first?.['error']);
    assert.equal(second?.['type'], 'error');
    assert.equal((await bench.call('/v1/messages', {})).status, 401);
    assert.equal(bench.seen.length, 0);
  });

  it('lets a key through from the moment it is listed, and no longer than it is', async () => {
    writeModelKeys(bench.names, { apollo: 'another' });

    assert.equal((await bench.call('/v1/chat/completions', { authorization: 'Bearer another' })).status, 200);
    assert.equal((await bench.call('/v1/chat/completions', openai)).status, 401);
  });

  it('passes model calls on and nothing else that the provider’s key would open', async () => {
    const refused = [
      '/v1/files',
      '/v1/fine_tuning/jobs',
      '/v1/models/../files',
      '/admin',
      '/v1/messages/batches',
    ];
    const answers = await Promise.all(refused.map((at) => bench.call(at, openai)));

    assert.deepEqual(
      answers.map(({ status }) => status),
      refused.map(() => 404),
    );
    assert.equal(bench.seen.length, 0);
  });

  it('does not pass on what the provider says about the key', async () => {
    bench.answer = (_request, response) => {
      response.writeHead(401).end(`{"error":"Incorrect API key provided: ${PROVIDER_KEY}"}`);
    };

    const response = await bench.call('/v1/chat/completions', openai);

    assert.equal(response.status, 401);
    assert.match(await response.text(), /refuses the key of this lab/);
  });

  it('passes other errors on as they are', async () => {
    bench.answer = (_request, response) => {
      response.writeHead(429, { 'retry-after': '7' }).end('{"error":{"message":"slow down"}}');
    };

    const response = await bench.call('/v1/chat/completions', openai);

    assert.equal(response.status, 429);
    assert.equal(response.headers.get('retry-after'), '7');
    assert.match(await response.text(), /slow down/);
  });

  it('follows no redirection with the key', async () => {
    bench.answer = (_request, response) => {
      response.writeHead(307, { location: 'http://127.0.0.1:9/elsewhere' }).end();
    };

    assert.equal((await bench.call('/v1/chat/completions', openai)).status, 502);
  });

  it('says so when the provider is not there, or says nothing', async () => {
    bench.answer = () => undefined;

    await bench.start({}, { OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' });
    const away = await bench.call('/v1/chat/completions', openai);
    await bench.start({ silenceTimeoutMs: 100 });
    const silent = await bench.call('/v1/messages', anthropic);

    assert.equal(away.status, 502);
    assert.match(await away.text(), /cannot be reached \(ECONNREFUSED\)/);
    assert.equal(silent.status, 504);
    assert.match(await silent.text(), /said nothing for 0\.1 s/);
  });

  it('refuses a body that is too large, whether its length is told beforehand or not', async () => {
    await bench.start({ bodyLimitBytes: 1_000_000 });
    const large = Buffer.alloc(3_000_000, 'x');

    const statuses = await Promise.all([
      bench.post(large, { 'content-length': large.length }),
      bench.post(large, {}),
    ]);

    assert.deepEqual(statuses, [413, 413]);
  });

  it('writes down who called what and how it ended, but no key and no body', async () => {
    await bench.call('/v1/chat/completions', openai, '{"model":"gpt","messages":"very private"}');
    await waitFor('the line', () => bench.logged.includes('model call ended'));

    assert.match(bench.logged, /"agent":"athena","path":"\/chat\/completions","status":200/);
    for (const secret of [AGENT_KEY, PROVIDER_KEY, 'very private'])
      assert.equal(bench.logged.includes(secret), false);
  });

  it('says which format the lab has no provider for', async () => {
    const only = { ANTHROPIC_API_KEY: '' };
    await bench.start({}, only);

    const response = await bench.call('/v1/messages', anthropic);

    assert.equal(response.status, 404);
    assert.match(await response.text(), /This lab has OpenAI at .* only, not anthropic/);
  });
});
