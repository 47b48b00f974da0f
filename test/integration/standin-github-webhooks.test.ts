import assert from 'node:assert/strict';
import { acme, appOf } from '#test/github/acme.ts';
import { type Api, GithubScene } from '#test/github/scene.ts';
import { signatureOf, WebhookSink } from '#test/github/webhook-sink.ts';

const SECRET = 'between GitHub and us';
const ISSUES = '/repos/acme/app/issues';

describe('GitHub stand-in, webhooks', () => {
  let sink: WebhookSink;
  let scene: GithubScene;
  let ada: Api;
  let app: Api;

  beforeEach(async () => {
    sink = await WebhookSink.open();
    const deaf = appOf('Deaf', { url: sink.url, secret: 'other' });
    const seed = acme({ url: sink.url, secret: SECRET });
    const apps = [...(seed.apps ?? []), { ...deaf, permissions: { contents: 'read' as const } }];
    const repositories = (seed.repositories ?? []).filter(({ name }) => name === 'acme/app');
    scene = await GithubScene.open({ ...seed, repositories, apps });
    [ada, app] = [scene.as('token-of-ada'), scene.as(scene.jwt('athena'))];
  });

  afterEach(async () => {
    await scene[Symbol.asyncDispose]();
    await sink[Symbol.asyncDispose]();
  });

  /** Opens an issue, and waits until everybody has been told. */
  async function happen(title: string): Promise<void> {
    const { status } = await ada('POST', ISSUES, { body: { title } });
    assert.equal(status, 201);
    await scene.admin('GET', '/standin/state');
  }

  const titles = (): string[] => sink.received.map(({ payload }) => payload.issue.title);

  async function deliveries(query = '') {
    await scene.admin('GET', '/standin/state');
    return (await app('GET', `/app/hook/deliveries${query}`)).body;
  }

  it('are signed over the bytes that are sent, and go to the apps that may know', async () => {
    await ada('POST', ISSUES, { body: { title: 'Ä title with ümlauts', labels: ['agent:apollo'] } });
    await scene.admin('GET', '/standin/state');

    const [received] = sink.received;
    assert.ok(received);
    assert.deepEqual(sink.names, ['issues.opened', 'issues.labeled']);
    assert.equal(received.payload.issue.labels[0].name, 'agent:apollo');
    assert.equal(received.signature, signatureOf(SECRET, received.raw));
    assert.equal(received.payload.installation.id, scene.seeded.apps['athena']?.installations['acme']);
    assert.equal(received.payload.sender.login, 'ada');
    const listed = (await deliveries()).at(-1);
    assert.deepEqual([listed.guid, listed.status, listed.redelivery], [received.delivery, 'OK', false]);
  });

  it('that failed are listed, and come again under their id when they are asked for', async () => {
    sink.status = 500;
    await happen('lost');
    sink.status = 202;
    await happen('heard');
    const [failed, ...others] = await deliveries('?status=failure');
    assert.deepEqual([failed.status_code, others.length], [500, 0]);

    assert.equal((await app('POST', `/app/hook/deliveries/${failed.id}/attempts`)).status, 202);

    const [again] = await deliveries();
    assert.deepEqual([again.guid, again.redelivery, again.status], [failed.guid, true, 'OK']);
    assert.deepEqual(titles(), ['lost', 'heard', 'lost']);
    assert.equal(sink.received[0]?.raw.equals(sink.received[2]?.raw ?? Buffer.alloc(0)), true);
    const { request, response } = (await app('GET', `/app/hook/deliveries/${failed.id}`)).body;
    assert.equal(request.payload.issue.title, 'lost');
    assert.deepEqual(Object.keys(response), ['headers', 'payload']);
  });

  it('are dropped, every second one, with a trace or without', async () => {
    await scene.fault({ kind: 'webhook-drop', every: 2 });
    for (const title of ['1', '2', '3', '4']) await happen(title);
    assert.deepEqual(titles(), ['1', '3']);
    assert.equal((await deliveries('?status=failure')).length, 2);

    await scene.clearFaults();
    await scene.fault({ kind: 'webhook-drop', count: 1, recorded: false, event: 'issues.opened' });
    for (const title of ['5', '6']) await happen(title);
    assert.deepEqual(titles(), ['1', '3', '6']);
    assert.equal((await deliveries('?status=failure')).length, 2);
  });

  it('come twice under one id, and late, in their order', async () => {
    await scene.fault({ kind: 'webhook-duplicate', count: 1 });
    await happen('twice');
    const [one, two] = sink.received;
    assert.deepEqual([titles(), one?.delivery === two?.delivery], [['twice', 'twice'], true]);

    await scene.fault({ kind: 'webhook-delay', ms: 200, count: 1 });
    const startedAt = performance.now();
    await happen('late');
    // A timer may be a part of a millisecond early.
    assert.ok(performance.now() - startedAt >= 199);
    await happen('after it');
    assert.deepEqual(titles(), ['twice', 'twice', 'late', 'after it']);
  });
});
