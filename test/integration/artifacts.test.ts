import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ApiError, AuditView } from '#core/api.ts';
import { ARTIFACT_LIMIT, type ArtifactRef } from '#core/artifact.ts';
import { RunResult } from '#core/messages/run-result.ts';
import { noUsage } from '#core/usage.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { apiTokensText } from '#provision/secrets/api-tokens.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { type BusEffect, BusEffect as BusEffectSchema } from '../../src/agent/journal/outbox-store.ts';
import type { ControlApi } from '../../src/agent/parts/control-api.ts';
import { addResult, withinMessage } from '../../src/agent/parts/long-answer.ts';
import { uploadSender } from '../../src/agent/parts/send-upload.ts';

const AGENTS = { athena: 'athena-is-herself-and-no-more', apollo: 'apollo-is-himself-and-no-more' };
const ADA = { name: 'ada', token: 'ada-asks-for-tasks-and-reads', scopes: ['read', 'work'] };
const { signal } = new AbortController();

describe('artifacts', () => {
  let dir: TempDir;
  let control: ControlOnBus;
  before(async function () {
    this.timeout(120_000);
    dir = await tempDir('artifacts');
    const file = path.join(dir.path, 'tokens.json');
    await writeFile(file, apiTokensText([ADA], AGENTS), { mode: 0o600 });
    control = await startControlOnBus('f1', ['athena'], { OLYMPUS_API_TOKENS_FILE: file });
  });
  after(async () => {
    await control?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  async function put<T = ArtifactRef>(
    token: string,
    body: Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: T }> {
    const response = await fetch(`${control.url}/v1/artifacts`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'text/plain', ...headers },
      body,
      signal: AbortSignal.timeout(30_000),
    });
    return { status: response.status, body: (await response.json()) as T };
  }
  function get(token: string, digest: string): Promise<Response> {
    return fetch(`${control.url}/v1/artifacts/${digest}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(10_000),
    });
  }
  async function brought(digest: string): Promise<AuditView[]> {
    const { body } = await control.api<{ records: AuditView[] }>('GET', '/v1/audit?limit=500');
    return body.records.filter(({ entityId }) => entityId === digest);
  }

  it('come back as they were brought, with who brought them and how far to trust it', async () => {
    const bytes = randomBytes(1_300_000); // three chunks
    const { status, body } = await put(AGENTS.athena, bytes, { 'content-digest': contentDigest(bytes) });
    assert.equal(status, 201);
    assert.deepEqual(body, { digest: digestOf(bytes), bytes: bytes.length });

    const back = await get(ADA.token, body.digest);
    assert.equal(back.status, 200);
    assert.deepEqual(Buffer.from(await back.arrayBuffer()), bytes);
    assert.equal(back.headers.get('content-type'), 'text/plain');
    assert.equal(back.headers.get('olympus-producer'), 'agent/athena');
    assert.equal(back.headers.get('olympus-trust'), 'bot');
    assert.deepEqual(
      (await brought(body.digest)).map(({ who, what }) => [who, what]),
      [['agent/athena', 'store']],
    );
  });

  it('are kept once, however often they are brought, and by whomever', async () => {
    const bytes = Buffer.from('the same, again and again');
    const answers = await Promise.all([1, 2, 3].map(() => put(AGENTS.athena, bytes)));
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 200, 201]);
    assert.equal((await put(ADA.token, bytes)).status, 201, 'ada brings it for the first time');
    assert.equal((await put(ADA.token, bytes)).status, 200);

    const records = (await brought(digestOf(bytes))).map(({ who }) => who).toSorted();
    assert.deepEqual(records, ['agent/athena', 'person/ada']);
  });

  it('are for the agent that brought them, and for who may read', async () => {
    const bytes = Buffer.from('what athena knows');
    const { digest } = (await put(AGENTS.athena, bytes)).body;

    assert.equal((await get(AGENTS.athena, digest)).status, 200);
    const foreign = await get(AGENTS.apollo, digest);
    assert.equal(foreign.status, 404);
    assert.match(((await foreign.json()) as ApiError).message, /no artifact sha256:\w+ of apollo/);
    assert.equal((await get('nobody', digest)).status, 401);
  });

  it('survive a control plane that is killed', async () => {
    const bytes = Buffer.from('still here');
    const { digest } = (await put(AGENTS.athena, bytes)).body;
    await control.kill();
    await control.start();

    assert.equal(await (await get(AGENTS.athena, digest)).text(), 'still here');
  });

  it('are refused when they are empty, too long, or not what was sent', async () => {
    assert.equal((await put<ApiError>(AGENTS.athena, Buffer.alloc(0))).status, 400);
    const wrong = await put<ApiError>(AGENTS.athena, Buffer.from('a'), {
      'content-digest': contentDigest(Buffer.from('b')),
    });
    assert.equal(wrong.status, 422);
    assert.match(wrong.body.message, /what arrived has the digest/);
    const long = await put<ApiError>(AGENTS.athena, Buffer.alloc(ARTIFACT_LIMIT + 1));
    assert.equal(long.status, 413);
    assert.match(long.body.message, /8388609 bytes, and one may have 8388608: send it in parts/);
    assert.equal((await put(AGENTS.athena, Buffer.alloc(ARTIFACT_LIMIT))).status, 201);
    const named = await put<ApiError>(control.token, Buffer.from('whose?'));
    assert.match(named.body.message, /by is missing/);
  });

  it('of one producer have a limit', async () => {
    await control.kill();
    const database = new DatabaseSync(path.join(control.stateDir, 'control.sqlite'));
    database
      .prepare("INSERT INTO artifacts VALUES ('sha256:x', 'agent/apollo', 'bot', ?, 'text/plain', ?)")
      .run(128 * 1024 * 1024, Date.now());
    database.close();
    await control.start();

    const full = await put<ApiError>(AGENTS.apollo, Buffer.from('one more'));
    assert.equal(full.status, 507);
    assert.match(full.body.message, /agent\/apollo has brought 134217728 bytes/);
    assert.equal((await put(AGENTS.athena, Buffer.from('one of hers'))).status, 201);
  });

  it('from outside have a quarter of that, so that answers keep their room', async () => {
    await control.kill();
    const database = new DatabaseSync(path.join(control.stateDir, 'control.sqlite'));
    database
      .prepare("INSERT INTO artifacts VALUES ('sha256:y', 'agent/athena', 'external', ?, 'text/plain', ?)")
      .run(32 * 1024 * 1024, Date.now());
    database.close();
    await control.start();

    const full = await put<ApiError>(AGENTS.athena, Buffer.from('a file'), { 'olympus-trust': 'external' });
    assert.equal(full.status, 507);
    assert.match(
      full.body.message,
      /has brought 33554432 bytes of files from outside .* may bring 33554432$/,
    );
    assert.equal((await put(AGENTS.athena, Buffer.from('an answer'))).status, 201);
  });

  it('are got by the command, whole', async () => {
    const text = 'ä'.repeat(100);
    const { digest } = (await put(AGENTS.athena, Buffer.from(text))).body;
    const binary = (await put(AGENTS.athena, Buffer.from([0xff, 0xfe]))).body.digest;
    const cli = (...args: string[]) =>
      new CliCaller(control.stateDir).run(['artifact', 'get', ...args], {
        OLYMPUS_API_URL: control.url,
        OLYMPUS_API_TOKEN: ADA.token,
      });
    const file = path.join(dir.path, 'answer.md');

    assert.equal((await cli(digest)).stdout, `${text}\n`);
    assert.equal((await cli(digest, '--out', file)).code, 0);
    assert.equal(await readFile(file, 'utf8'), text);
    assert.match((await cli(binary)).stderr, /is not text.*--out/s);
    const unknown = await cli(`sha256:${'0'.repeat(64)}`);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /There is no artifact .* kept for 30 days/);
    assert.equal((await cli('answer.md')).code, 2);
  });

  describe('of an answer that is too long for a message', () => {
    const RESULT = resultOf('');

    /** What an agent with this way to control sends for this answer, and what its journal still has to upload. */
    async function handedIn(answer: string, api: ControlApi | undefined) {
      await using state = await tempDir('journal');
      const journal = new Journal({ stateDir: state.path, clock: systemClock });
      const { outbox } = journal;
      const result = { ...RESULT, body: resultOf(withinMessage(answer)).body };
      await journal.transaction(() => addResult(outbox, 'result:r1', result, answer));
      const uploads = outbox.source('upload');
      const send = uploadSender({
        api,
        journal,
        onAdded: () => undefined,
        log: createLogger({ name: 'test', level: 'silent' }),
      });
      let failure: unknown;
      const [entry] = await uploads.next(1, []);
      for (let times = 0; entry && times < 2 && !failure; times += 1) {
        await send(entry, signal).catch((error: unknown) => {
          failure = error;
        });
      }
      const [sent] = await outbox.source('bus').next(1, []);
      const pending = outbox.pending('bus');
      await journal.stop();
      const effect = sent && BusEffectSchema.parse(sent.payload);
      const handedIn = effect && RunResult.schema.parse(JSON.parse(effect.body)).data;
      return { uploaded: entry !== undefined, failure, pending, effect, result: handedIn };
    }
    const athena = () => ({ url: control.url, token: AGENTS.athena });

    it('go to control first, and the result names them, once however often that is tried', async () => {
      const answer = 'long '.repeat(100_000);
      const { pending, effect, result } = await handedIn(answer, athena());

      assert.equal(pending, 1);
      assert.equal(effect?.msgId, RESULT.msgId);
      assert.equal(result?.summaryArtifact?.digest, digestOf(Buffer.from(answer)));
      assert.ok(result && result.summary.length < 16_000 && answer.startsWith(result.summary));
      assert.equal(await (await get(ADA.token, digestOf(Buffer.from(answer)))).text(), answer);
    });

    it('are not made of a short one', async () => {
      const { uploaded, result } = await handedIn('short', athena());

      assert.equal(uploaded, false);
      assert.equal(result?.summary, 'short');
    });

    it('are tried again while control is away, and nothing is handed in before', async () => {
      const { failure, effect } = await handedIn('x'.repeat(70_000), {
        ...athena(),
        url: 'http://127.0.0.1:9',
      });

      assert.match(String(failure), /control plane at http:\/\/127\.0\.0\.1:9 did not take an answer/);
      assert.equal(effect, undefined);
    });

    it('that will never be taken leave what fits, and say why', async () => {
      const { result } = await handedIn('y'.repeat(200_000), { ...athena(), token: 'revoked-long-ago' });

      assert.equal(result?.summaryArtifact, undefined);
      assert.ok((result?.summary.length ?? 0) > 149_000);
      assert.match(
        result?.summary ?? '',
        /\(Cut here: the answer had 200000 characters and could not be kept as a whole: this token is not known/,
      );
      assert.equal((await handedIn('z'.repeat(70_000), undefined)).result?.summary, 'z'.repeat(70_000));
    });
  });
});

function resultOf(summary: string): BusEffect {
  const now = new Date().toISOString();
  const result = RunResult.create(
    { id: 'm1', source: '/fleets/f1/agents/athena', subject: 'task/t1/run/r1', time: now },
    {
      taskId: 't1',
      runId: 'r1',
      epoch: 1,
      attempt: 1,
      agent: 'athena',
      outcome: 'success',
      summary,
      usage: noUsage,
      sessionKey: 'olympus:task:t1',
      startedAt: now,
      finishedAt: now,
    },
  );
  return { subject: 'f1.results.planning.athena.t1', msgId: 'r1:result:n', body: JSON.stringify(result) };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function contentDigest(bytes: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;
}
