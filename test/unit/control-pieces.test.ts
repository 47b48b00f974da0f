import assert from 'node:assert/strict';
import { Delegating } from '#test/delegating.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { obey } from '../../src/control/chat/obey.ts';

const NEWS = 'What is new in security?';

describe('a piece of what was asked in a thread', () => {
  let dir: TempDir;
  let fleet: Delegating;
  beforeEach(async () => {
    dir = await tempDir('pieces');
    fleet = new Delegating(dir.path);
    for (const name of ['athena', 'perseus', 'hermes']) await fleet.join(name);
  });
  afterEach(async () => {
    await fleet[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const posts = (): string[] => fleet.said('athena').flatMap(({ text }) => text ?? []);

  it('is said when it is answered, with who asked whom what, before the answer to the whole', async () => {
    const parent = await fleet.asked('athena', 'Brief me.');
    const news = await fleet.child(await fleet.run(parent), 'perseus', NEWS);
    const deeper = await fleet.child(await fleet.run(news), 'hermes', 'Who wrote?');
    await fleet.succeed(deeper, 'Ask @apollo.');
    await fleet.fail(news, 'model_auth');
    await fleet.succeed(parent, 'Nothing new.');

    assert.deepEqual(posts(), [
      '**hermes**, asked by perseus:\n> Who wrote?\n\nAsk @\u200bapollo.',
      '**perseus**, asked by athena:\n> What is new in security?\n\nIt did not answer: failed (model_auth).',
      'Nothing new.',
    ]);
    assert.deepEqual(fleet.said('perseus'), []);
    assert.deepEqual(
      fleet.said('athena').map(({ state }) => state),
      ['admitted', 'admitted', 'admitted', 'completed'],
      'the asking post shows how the whole stands',
    );
  });

  it('is not said of what nobody waits for any more', async () => {
    const parent = await fleet.asked('athena', 'Brief me.');
    const news = await fleet.child(await fleet.run(parent), 'perseus', NEWS);
    await fleet.cancel(parent);
    await fleet.succeed(news, 'Two CVEs.');

    assert.deepEqual(posts(), []);
  });

  it('is what a command without an id is not about: that is about the whole', async () => {
    const parent = await fleet.asked('athena', 'Brief me.');
    const news = await fleet.child(await fleet.run(parent), 'perseus', NEWS);
    const { conversation } = parent;
    assert.ok(conversation);

    await fleet.store.transaction((tx) =>
      obey(tx, fleet.control.admission, {
        command: { verb: 'cancel', target: undefined, rest: '' },
        speaker: { id: 'u1', name: 'ada', caller: undefined },
        conversation,
        saidAt: Date.now(),
      }),
    );

    for (const { id } of [parent, news]) assert.equal((await fleet.now(id)).state, 'cancelling');
  });
});
