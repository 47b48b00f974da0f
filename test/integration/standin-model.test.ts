import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  createModelStandin,
  type LoggedRequest,
  type ModelStandin,
} from '../../src/standins/model/server.ts';

const KEY = 'sk-standin-test-key';

const formats = {
  openai: {
    path: '/v1/chat/completions',
    headers: { authorization: `Bearer ${KEY}` },
    body: (text: string, stream: boolean) => ({
      model: 'm',
      stream,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: text }],
    }),
    text: /"content":"((?:[^"\\]|\\.)*)"/g,
    usage: /"prompt_tokens":\d+,"completion_tokens":\d+/,
    unauthorized: /"code":"invalid_api_key"/,
  },
  anthropic: {
    path: '/v1/messages',
    headers: { 'x-api-key': KEY },
    body: (text: string, stream: boolean) => ({
      model: 'm',
      stream,
      max_tokens: 10,
      messages: [{ role: 'user', content: text }],
    }),
    text: /"text":"((?:[^"\\]|\\.)*)"/g,
    usage: /"output_tokens":\d+/,
    unauthorized: /"type":"authentication_error"/,
  },
};

describe('the model stand-in', () => {
  let directory: string;
  let standin: ModelStandin;

  before(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'olympus-model-'));
    const keyFile = path.join(directory, 'key');
    writeFileSync(keyFile, `${KEY}\n`, { mode: 0o600 });
    standin = await createModelStandin({ keyFile });
  });
  after(async () => {
    await standin.close();
    rmSync(directory, { recursive: true });
  });
  afterEach(() => standin.clear());

  for (const [name, format] of Object.entries(formats)) {
    const ask = (text: string, stream = false, headers: Record<string, string> = format.headers) =>
      fetch(standin.url + format.path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(format.body(text, stream)),
        signal: AbortSignal.timeout(5_000),
      });
    const textIn = (body: string) =>
      [...body.matchAll(format.text)].map((match) => JSON.parse(`"${match[1] ?? ''}"`) as string).join('');

    describe(`in the format of ${name}`, () => {
      it('says the same whole and streamed, with usage', async () => {
        const whole = await (await ask('hello there')).text();
        const streamed = await (await ask('hello there', true)).text();

        assert.match(textIn(whole), /scripted model.*\nYou said: hello there\nprompt-digest: [0-9a-f]{64}$/);
        assert.equal(textIn(streamed), textIn(whole));
        assert.match(whole, format.usage);
        assert.match(streamed, format.usage);
      });

      it('refuses another key as the provider does', async () => {
        const response = await ask('hello', false, { authorization: 'Bearer nope', 'x-api-key': 'nope' });

        assert.equal(response.status, 401);
        assert.match(await response.text(), format.unauthorized);
      });

      it('plays an error for the calls that match and no others', async () => {
        const behaviour = { kind: 'error', status: 429, retryAfterSeconds: 7 } as const;
        standin.script({ match: `limited-${name}`, times: 2, behaviour });

        const statuses = [];
        for (const text of ['free', `limited-${name}`, `limited-${name}`, `limited-${name}`]) {
          const response = await ask(text);
          statuses.push([response.status, response.headers.get('retry-after')]);
        }

        assert.deepEqual(statuses, [
          [200, null],
          [429, '7'],
          [429, '7'],
          [200, null],
        ]);
      });

      it('asks for a tool', async () => {
        standin.script({ behaviour: { kind: 'tool', name: 'exec', args: { command: 'ls' } } });

        const body = await (await ask('look', true)).text();

        assert.match(body, /"name":"exec"/);
        assert.match(body, /\{\\"command\\":\\"ls\\"\}/);
      });

      it('breaks off in the middle', async () => {
        standin.script({ behaviour: { kind: 'disconnect' } });

        const response = await ask('hello', true);

        await assert.rejects(response.text());
      });

      it('holds a call until it is released', async () => {
        standin.script({ behaviour: { kind: 'hold', text: 'now' } });
        const since = standin.requests().at(-1)?.seq ?? 0;
        const response = ask('wait');
        while (standin.requests(since).length === 0) await new Promise(setImmediate);

        assert.equal(standin.requests(since)[0]?.outcome, 'pending');
        while (standin.release() === 0) await new Promise(setImmediate);

        assert.equal(textIn(await (await response).text()), 'now');
      });
    });
  }

  it('takes its script and shows what it was asked over the control surface', async () => {
    const rules = [{ match: 'over-http', behaviour: { kind: 'answer', text: 'scripted' } }];
    const set = await fetch(`${standin.adminUrl}/standin/script`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rules }),
    });
    assert.equal(set.status, 200);
    const since = standin.requests().at(-1)?.seq ?? 0;
    await fetch(`${standin.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
      body: JSON.stringify({
        model: 'm',
        messages: [
          { role: 'system', content: 'be brief' },
          { role: 'user', content: 'over-http' },
        ],
      }),
    });

    const response = await fetch(`${standin.adminUrl}/standin/requests?since=${since}`);
    const logged = (await response.json()) as { requests: LoggedRequest[] };

    assert.equal(logged.requests.length, 1);
    assert.equal(logged.requests[0]?.system, 'be brief');
    assert.deepEqual(logged.requests[0]?.messages, [{ role: 'user', text: 'over-http' }]);
  });

  it('refuses a behaviour it does not know', async () => {
    const response = await fetch(`${standin.adminUrl}/standin/script`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rules: [{ behaviour: { kind: 'slow' } }] }),
    });

    assert.equal(response.status, 400);
    assert.match(await response.text(), /overMs/);
  });
});
