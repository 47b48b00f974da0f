import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { labNames } from '#lab/lab-names.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('the names of a lab', () => {
  it('follow from its state directory, before it is made and after, through any link', async () => {
    await using dir = await tempDir('names');
    const stateDir = path.join(dir.path, 'a', 'state');
    const before = labNames(stateDir);

    mkdirSync(stateDir, { recursive: true });
    symlinkSync(stateDir, path.join(dir.path, 'link'));

    assert.match(before.id, /^[0-9a-f]{6}$/);
    assert.equal(labNames(stateDir).id, before.id);
    assert.equal(labNames(path.join(dir.path, 'link')).id, before.id);
    assert.equal(labNames(`${stateDir}/../state/`).id, before.id);
  });

  it('are others for another state directory', () => {
    const [one, two] = [labNames('/nowhere/one'), labNames('/nowhere/two')];

    assert.notEqual(one.id, two.id);
    assert.notEqual(one.mark, two.mark);
    assert.notEqual(one.namespaceOf('r420'), two.namespaceOf('r420'));
  });

  it('hold the id, so that everything of a lab can be found', () => {
    const { id, switchNamespace, mark, namespaceOf } = labNames('/nowhere/one');

    assert.equal(switchNamespace, `olympus-${id}-switch`);
    assert.equal(namespaceOf('r420'), `olympus-${id}-r420`);
    assert.equal(mark, `olympus lab ${id} of /nowhere/one`);
  });
});
