import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const GOLDEN = path.resolve(import.meta.dirname, '../golden');

/** The text is what `test/golden/<name>` says; OLYMPUS_UPDATE_GOLDEN=1 accepts a change. */
export function assertGolden(name: string, text: string): void {
  const file = path.join(GOLDEN, name);
  if (process.env['OLYMPUS_UPDATE_GOLDEN']) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  assert.equal(text, readFileSync(file, 'utf8'), `${name} changed; OLYMPUS_UPDATE_GOLDEN=1 accepts it`);
}
