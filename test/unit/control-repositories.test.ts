import assert from 'node:assert/strict';
import { subjectsOf } from '#core/subjects.ts';
import { systemClock } from '#lib/clock.ts';
import { tempDir } from '#test/temp-dir.ts';
import { type Repositories, Store } from '../../src/control/store/store.ts';
import { record } from '../../src/control/tasks/record.ts';

const context = { fleet: 'olympus', subjects: subjectsOf('olympus'), now: () => 0, onEnd: [] };

describe("control's repositories", () => {
  it('can be replaced one by one by what answers the same, which the compiler accepts', async () => {
    await using dir = await tempDir('repositories');
    const store = new Store({ stateDir: dir.path, clock: systemClock });
    const outbox = outboxInMemory();

    await store.transaction((tx) =>
      record({ ...tx, outbox }, context, {
        who: 'control',
        what: 'drain',
        entity: 'agent',
        entityId: 'athena',
        state: 'draining',
        why: 'a new kernel',
        agent: 'athena',
      }),
    );

    assert.equal(await outbox.pending(), 1);
    assert.equal(await store.read.outbox.pending(), 0);
    assert.equal((await store.read.audit.of('agent', 'athena')).length, 1, 'the others are as they were');
    await store.stop();
  });

  it('have to answer later: one that answers at once is none', () => {
    // @ts-expect-error: a number is no promise of one.
    const hasty: Repositories['outbox'] = { ...outboxInMemory(), pending: () => 0 };

    assert.ok(hasty);
  });
});

/** No class, no database. */
function outboxInMemory(): Repositories['outbox'] {
  const effects = new Map<string, unknown>();
  return {
    add: async (effect) => void effects.set(effect.msgId, effect),
    pending: async () => effects.size,
  };
}
