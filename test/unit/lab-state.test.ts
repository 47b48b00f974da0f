import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { claimStateDir, removeClaimed } from '#lab/lab-claim.ts';
import { type LabNames, labNames } from '#lab/lab-names.ts';
import { emptyLabState, type LabState, readLabState, writeLabState } from '#lab/lab-state.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

let dir: TempDir;
let names: LabNames;
beforeEach(async () => {
  dir = await tempDir('state');
  names = labNames(path.join(dir.path, 'above', 'state'));
});
afterEach(() => dir[Symbol.asyncDispose]());

describe('the state of a lab', () => {
  const process = { pid: 4321, startTime: '99' };
  const running = (): LabState => ({
    ...emptyLabState(),
    hypervisors: { r420: { address: '10.220.1.7', process } },
    gates: { machine: { process, fingerprint: 'f' } },
    doors: [{ name: 'chat', localPort: 8065 }],
  });

  it('is read as it was written', () => {
    writeLabState(names, running());

    assert.deepEqual(readLabState(names), running());
  });

  it('has no process any more after the machine was started anew, and the ports as before', () => {
    writeLabState(names, { ...running(), bootId: 'an earlier one' });

    const state = readLabState(names);

    assert.deepEqual(state?.hypervisors, { r420: { address: '10.220.1.7' } });
    assert.deepEqual(state?.gates, {});
    assert.deepEqual(state?.doors, [{ name: 'chat', localPort: 8065 }]);
  });

  it('is none when the file was cut off', () => {
    writeLabState(names, running());
    writeFileSync(path.join(names.dir, 'state.json'), '{"bootId": "x", "hyp');

    assert.equal(readLabState(names), undefined);
  });
});

describe('the state directory of a lab', () => {
  it('is gone with what the lab made in it, and with the folders above that it made', () => {
    claimStateDir(names);
    mkdirSync(path.join(names.stateDir, 'ssh', 'host-keys'), { recursive: true });
    writeFileSync(path.join(names.stateDir, 'vault-password'), 'x');

    assert.deepEqual(removeClaimed(names), { kept: [] });

    assert.deepEqual(readdirSync(dir.path), []);
  });

  it('stays with what was there before, and with what is not the lab’s', () => {
    mkdirSync(path.join(names.stateDir, 'ssh'), { recursive: true });
    claimStateDir(names);
    writeFileSync(path.join(names.stateDir, 'secrets.yml'), 'x');
    writeFileSync(path.join(names.stateDir, 'notes'), 'x');

    assert.deepEqual(removeClaimed(names), { kept: ['ssh'] });

    assert.deepEqual(readdirSync(names.stateDir).toSorted(), ['notes', 'ssh']);
  });

  it('stays where nothing says what the lab made', () => {
    mkdirSync(names.dir, { recursive: true });
    writeFileSync(path.join(names.stateDir, 'secrets.yml'), 'x');

    assert.deepEqual(removeClaimed(names), { kept: ['secrets.yml'] });

    assert.deepEqual(readdirSync(names.stateDir), ['secrets.yml']);
  });
});
