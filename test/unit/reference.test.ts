import assert from 'node:assert/strict';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { tempDir } from '#test/temp-dir.ts';
import { differences, writePages } from '../../scripts/reference/files.ts';
import { leavesOf, typeInWords } from '../../scripts/reference/json-schema.ts';
import { table } from '../../scripts/reference/markdown.ts';
import { renderReference } from '../../scripts/reference/pages.ts';
import { commentsIn } from '../../scripts/reference/source-comments.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

describe('the reference', () => {
  it('says what the code says; if it does not: npm run reference', () => {
    assert.deepEqual(differences(ROOT, renderReference(ROOT)), []);
  });

  it('is refused with a sentence for each file that differs, is missing or is left over', async () => {
    await using dir = await tempDir('reference');
    await cp(path.join(ROOT, 'docs', 'reference'), path.join(dir.path, 'docs', 'reference'), {
      recursive: true,
    });
    const pages = renderReference(ROOT);
    const at = (file: string): string => path.join(dir.path, 'docs', 'reference', file);
    await writeFile(at('errors.md'), '# Something else\n');
    await rm(at('states.md'));
    await writeFile(at('schemas/io.olympus.gone.v1.json'), '{}\n');

    assert.deepEqual(differences(dir.path, pages).toSorted(), [
      'docs/reference/errors.md is not what the code says.',
      'docs/reference/schemas/io.olympus.gone.v1.json describes nothing any more.',
      'docs/reference/states.md is missing.',
    ]);
    assert.equal(writePages(dir.path, pages).length, 3);
    assert.deepEqual(differences(dir.path, pages), []);
    assert.match(await readFile(at('states.md'), 'utf8'), /^# States\n/);
  });
});

describe('a page of the reference', () => {
  it('takes the meaning of a field from the comment above it', () => {
    const source = `
/** Of the whole. */
export const Settings = z.object({
  /**
   * How long,
   * in milliseconds.
   */
  WAIT_MS: z.int(),
  PORT: z.int(), // no JSDoc
});`;

    const comments = commentsIn(source);

    assert.equal(comments.get('Settings'), 'Of the whole.');
    assert.equal(comments.get('WAIT_MS'), 'How long, in milliseconds.');
    assert.equal(comments.get('PORT'), undefined);
  });

  it('says where a field is required', () => {
    const leaf = { type: 'string' };
    const fields = leavesOf({
      required: ['a', 'list'],
      properties: {
        a: leaf,
        b: leaf,
        c: { required: ['d'], properties: { d: leaf, e: leaf } },
        list: { type: 'array', items: { required: ['f'], properties: { f: leaf } } },
      },
    });

    assert.deepEqual(
      fields.map(({ path: name, required, within }) => [name, required, within]),
      [
        ['a', true, undefined],
        ['b', false, undefined],
        ['c.d', false, 'c'],
        ['c.e', false, undefined],
        ['list[].f', false, 'list[]'],
      ],
    );
  });

  it('says in words what may be written', () => {
    const words = [
      { type: 'integer', minimum: 1, maximum: 16 },
      { type: 'integer', exclusiveMinimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      { type: 'string', enum: ['a', 'b'] },
      { type: 'array', minItems: 1, items: { type: 'string', pattern: '^[a-z0-9_-]{1,64}$' } },
      { type: 'string', const: '1.0' },
      { type: 'object' },
    ].map((schema) => typeInWords(schema));

    assert.deepEqual(words, [
      'whole number from 1 to 16',
      'whole number above 0',
      'a, b',
      'list of token, at least 1',
      'always "1.0"',
      'map',
    ]);
  });

  it('keeps a table whole whatever stands in its cells', () => {
    assert.equal(table(['a', 'b'], [['x|y', 'one\n  two']]), '| a | b |\n| --- | --- |\n| x\\|y | one two |');
  });
});
