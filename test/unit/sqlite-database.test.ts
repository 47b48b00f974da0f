import assert from 'node:assert/strict';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SqliteDatabase } from '#integrations/sqlite/database.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

const MIGRATIONS = ['CREATE TABLE rows (name TEXT PRIMARY KEY) STRICT'];

describe('work queued on a database', () => {
  let dir: TempDir;
  let db: SqliteDatabase;
  /** Sees what was committed and nothing else. */
  let witness: SqliteDatabase;
  beforeEach(async () => {
    dir = await tempDir('sqlite');
    const file = path.join(dir.path, 'test.sqlite');
    db = new SqliteDatabase(file, MIGRATIONS);
    witness = new SqliteDatabase(file, MIGRATIONS);
  });
  afterEach(async () => {
    await db.close();
    await witness.close();
    await dir[Symbol.asyncDispose]();
  });

  const insert = (name: string) => () => db.run('INSERT INTO rows VALUES (?)', name);
  const committed = (): string[] =>
    witness.all('SELECT name FROM rows ORDER BY rowid').map((row) => String(row['name']));

  it('is on disk once it resolves, and not before', async () => {
    const first = db.exclusive(insert('a'));
    const second = db.exclusive(async () => insert('b')());
    assert.deepEqual(committed(), []);

    assert.equal(await first, 1);

    assert.deepEqual(committed(), ['a', 'b'], 'what was queued together is committed together');
    assert.equal(await second, 1);
  });

  it('leaves nothing behind where it throws, and takes nothing from its neighbours', async () => {
    const outcomes = await Promise.allSettled([
      db.exclusive(insert('a')),
      db.exclusive(() => {
        insert('half')();
        throw new Error('thrown at once');
      }),
      db.exclusive(async () => {
        insert('other half')();
        await setImmediate();
        throw new Error('thrown later');
      }),
      db.exclusive(insert('b')),
    ]);

    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason.message)),
      [1, 'thrown at once', 'thrown later', 1],
    );
    assert.deepEqual(committed(), ['a', 'b']);
  });

  it('is done in the order asked, and sees what came before', async () => {
    const seen: number[] = [];
    const count = () => {
      const row = db.get('SELECT count(*) AS n FROM rows');
      seen.push(Number(row?.['n']));
    };
    await Promise.all([
      db.exclusive(async () => {
        await setImmediate();
        insert('a')();
      }),
      db.exclusive(count),
      db.exclusive(insert('b')),
      db.exclusive(count),
    ]);

    assert.deepEqual(seen, [1, 2]);
  });

  it('joins the next commit where nobody waits for it, and has one of its own when there is none', async () => {
    const alone = db.lazily(insert('alone'));
    assert.deepEqual(committed(), []);
    await alone;
    assert.deepEqual(committed(), ['alone']);

    const lazy = db.lazily(insert('lazy'));
    await db.exclusive(insert('next'));
    assert.deepEqual(committed(), ['alone', 'next', 'lazy']);
    assert.equal(await lazy, 1);
  });

  it('fails as a whole when it cannot be committed', async () => {
    const blocker = witness;
    blocker.run('BEGIN IMMEDIATE');
    db.run('PRAGMA busy_timeout=50');
    const outcomes = await Promise.allSettled([db.exclusive(insert('a')), db.exclusive(insert('b'))]);
    blocker.run('ROLLBACK');

    for (const outcome of outcomes) {
      assert.match(outcome.status === 'rejected' ? String(outcome.reason) : 'resolved', /locked/);
    }
    await db.exclusive(insert('c'));
    assert.deepEqual(committed(), ['c']);
  });

  it('is finished before the file is closed, also where nobody waits for it', async () => {
    void db.lazily(insert('lazy'));
    await db.close();
    assert.deepEqual(committed(), ['lazy']);
    db = new SqliteDatabase(path.join(dir.path, 'test.sqlite'), MIGRATIONS);
  });

  it('is finished before the file is closed', async () => {
    const file = path.join(dir.path, 'closed.sqlite');
    const closing = new SqliteDatabase(file, MIGRATIONS);
    const work = closing.exclusive(() => closing.run("INSERT INTO rows VALUES ('a')"));
    await closing.close();
    await work;

    const again = new SqliteDatabase(file, MIGRATIONS);
    assert.equal(again.all('SELECT * FROM rows').length, 1);
    await again.close();
  });
});

/** A few pages: to SQLite a file that may not grow is a disk that is full. */
const SMALL = ['CREATE TABLE t (v TEXT) STRICT; PRAGMA max_page_count=8;'];
const MANY = Array.from({ length: 20 }, () => 'x'.repeat(2000));

describe('a database on a full disk', () => {
  let dir: TempDir;
  let db: SqliteDatabase;

  beforeEach(async () => {
    dir = await tempDir('sqlite');
    db = new SqliteDatabase(path.join(dir.path, 'full.sqlite'), SMALL);
  });
  afterEach(async () => {
    await db.close();
    await dir[Symbol.asyncDispose]();
  });

  const insert = (value: string): number => db.run('INSERT INTO t VALUES (?)', value);
  const rows = (): unknown => db.get('SELECT count(*) AS n FROM t')?.['n'];

  it('says that it is full, keeps nothing of what failed, and goes on', () => {
    assert.throws(() => db.transaction(() => MANY.map(insert)), /database or disk is full/);

    assert.equal(rows(), 0);
    db.transaction(() => insert('small'));
    assert.equal(rows(), 1);
  });

  it('does so in asynchronous work as well', async () => {
    await assert.rejects(
      db.exclusive(async () => MANY.map(insert)),
      /database or disk is full/,
    );

    assert.equal(rows(), 0);
    await db.exclusive(async () => insert('small'));
    assert.equal(rows(), 1);
  });
});
