import assert from 'node:assert/strict';
import path from 'node:path';
import { SqliteDatabase } from '#integrations/sqlite/database.ts';
import { systemClock } from '#lib/clock.ts';
import { controlMigrations } from '../../src/control/store/schema.ts';
import { Store } from '../../src/control/store/store.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

/** The migrations up to the one that gave entries their lane. */
const BEFORE_LANES = controlMigrations.findIndex((sql) => sql.includes('ADD COLUMN lane'));

describe("the outbox of control's records", () => {
  let dir: TempDir;
  let store: Store | undefined;
  beforeEach(async () => {
    dir = await tempDir('outbox');
  });
  afterEach(async () => {
    await store?.stop();
    store = undefined;
    await dir[Symbol.asyncDispose]();
  });
  const open = (): Store => {
    store = new Store({ stateDir: dir.path, clock: systemClock });
    return store;
  };
  const delivery = (agent: string, id: string) => effect(`olympus.deliveries.${agent}.${id}`, id);
  const effect = (subject: string, msgId: string) => ({ subject, msgId, body: '{}' });
  const heads = async (of: Store, sent: readonly number[] = []) =>
    (await of.outboxSource().next(3, sent)).map(({ id, key }) => ({ id, key }));

  it('shows a release though a hundred deliveries to one agent came before it', async () => {
    const records = open();
    await records.transaction(async (tx) => {
      for (let n = 0; n < 100; n += 1) await tx.outbox.add(delivery('athena', `d${n}`));
      await tx.outbox.add(delivery('apollo', 'other'));
      await tx.outbox.add(effect('olympus.tasks.athena', 'release'));
    });

    const first = await heads(records);
    const meanwhile = await heads(
      records,
      first.slice(0, 1).map(({ id }) => id),
    );
    await records.outboxSource().done(first.slice(0, 1).map(({ id }) => id));
    const second = await heads(records);

    assert.deepEqual(keys(first), ['d0', 'other', 'release']);
    assert.deepEqual(
      keys(meanwhile),
      ['d1', 'other', 'release'],
      'the next of a lane follows when it is sent',
    );
    assert.deepEqual(keys(second), ['d1', 'other', 'release'], 'and stays when that is written down');
  });

  it('gives what an older version left the lanes that new entries have', async () => {
    assert.ok(BEFORE_LANES > 0);
    const older = new SqliteDatabase(
      path.join(dir.path, 'control.sqlite'),
      controlMigrations.slice(0, BEFORE_LANES),
    );
    await older.exclusive(() => {
      for (const { subject, msgId } of [delivery('athena', 'd0'), effect('olympus.tasks.athena', 'release')])
        older.run(
          "INSERT INTO outbox (msg_id, subject, body, created_at) VALUES (?, ?, '{}', 0)",
          msgId,
          subject,
        );
    });
    await older.close();

    const records = open();
    await records.transaction((tx) => tx.outbox.add(delivery('athena', 'd1')));

    assert.deepEqual(keys(await heads(records)), ['d0', 'release']);
  });
});

function keys(entries: readonly { readonly key: string }[]): string[] {
  return entries.map(({ key }) => key);
}
