import assert from 'node:assert/strict';
import path from 'node:path';
import { SqliteDatabase } from '#integrations/sqlite/database.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

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
