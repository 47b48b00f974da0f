import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Conditions, seenOf } from '../../src/cli/fleet/conditions.ts';
import type { MachineReport } from '../../src/cli/fleet/machine-report.ts';
import type { Answer } from '../../src/cli/fleet/survey.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;
const UP: Answer = { host: 'athena', up: true, text: '' };
const SILENT: Answer = {
  host: 'athena',
  up: false,
  silent: true,
  what: 'athena cannot be reached.',
  remedy: '',
};
const WELL: MachineReport = {
  units: [{ name: 'olympusd', state: 'active', restarts: 0 }],
  failedUnits: [],
  cloudInit: 'done',
};
const hypervisor = (domains: string): Answer => ({
  host: 'r420',
  up: true,
  text: `@tool\n/usr/bin/virsh\n@domains\n Id Name State\n---\n${domains}\n\nexit 0\n`,
});
const AWAY: Answer = { host: 'r710', up: false, silent: true, what: 'r710 cannot be reached.', remedy: '' };

describe('the conditions of a machine', () => {
  let dir: TempDir;
  before(async () => {
    dir = await tempDir('conditions');
  });
  after(() => dir[Symbol.asyncDispose]());

  const CASES: readonly [
    what: string,
    seen: ReturnType<typeof seenOf>,
    phase: string,
    statuses: string,
    reason?: RegExp,
  ][] = [
    ['ready', seenOf(UP, WELL, []), 'ready', 'true true true true true'],
    [
      'before cloud-init has finished',
      seenOf(UP, { ...WELL, cloudInit: 'running' }, []),
      'not initialised',
      'true true true false true',
      /has not finished/,
    ],
    [
      'after cloud-init failed',
      seenOf(UP, { ...WELL, cloudInit: { errors: ['no datasource'] } }, []),
      'not initialised',
      'true true true false true',
      /no datasource/,
    ],
    [
      'with a unit that has failed',
      seenOf(UP, { ...WELL, units: [{ name: 'olympusd', state: 'failed', restarts: 3 }] }, []),
      'not serving',
      'true true true true false',
      /olympusd is failed/,
    ],
    [
      'without anything of Olympus',
      seenOf(UP, { ...WELL, units: [] }, []),
      'not serving',
      'true true true true false',
      /nothing of Olympus/,
    ],
    [
      'that is off',
      seenOf(SILENT, undefined, [hypervisor(' -  athena  shut off')]),
      'not running',
      'true false false unknown unknown',
      /it is shut off/,
    ],
    [
      'that runs and does not answer',
      seenOf(SILENT, undefined, [hypervisor(' 1  athena  running'), AWAY]),
      'not reachable',
      'true true false unknown unknown',
      /cannot be reached/,
    ],
    [
      'that was never made',
      seenOf(SILENT, undefined, [hypervisor(' 1  hub  running')]),
      'not defined',
      'false false false false false',
      /no hypervisor has it/,
    ],
    [
      'whose hypervisor cannot be asked',
      seenOf(SILENT, undefined, [hypervisor(' 1  hub  running'), AWAY]),
      'unknown',
      'unknown unknown false unknown unknown',
      /not every hypervisor/,
    ],
    [
      'at whose address another answers',
      seenOf({ ...SILENT, silent: false, what: 'another host key.' }, undefined, [hypervisor('')]),
      'unknown',
      'unknown unknown false unknown unknown',
    ],
  ];
  for (const [what, seen, phase, statuses, reason] of CASES) {
    it(`are told of one ${what}`, () => {
      const standing = new Conditions(dir.path).note('athena', seen, NOON);

      assert.equal(standing.phase, phase);
      assert.equal(standing.conditions.map(({ status }) => status).join(' '), statuses);
      assert.match(standing.conditions.find(({ status }) => status !== 'true')?.reason ?? '', reason ?? /^/);
    });
  }

  it('are kept, each since when it was first seen so', () => {
    const look = (seen: ReturnType<typeof seenOf>, at: number) => {
      const conditions = new Conditions(dir.path);
      const standing = conditions.note('athena', seen, at);
      conditions.keep();
      return standing.conditions.map(({ since }) => (Date.parse(since) - NOON) / MINUTE).join(' ');
    };
    const failed = seenOf(UP, { ...WELL, units: [{ name: 'olympusd', state: 'failed', restarts: 3 }] }, []);

    assert.equal(look(seenOf(UP, WELL, []), NOON), '0 0 0 0 0');
    assert.equal(look(failed, NOON + MINUTE), '0 0 0 0 1');
    assert.equal(look(failed, NOON + 2 * MINUTE), '0 0 0 0 1');
    assert.equal(look(seenOf(UP, WELL, []), NOON + 3 * MINUTE), '0 0 0 0 3');

    writeFileSync(path.join(dir.path, 'conditions.json'), '{"athena": 7}');
    assert.equal(look(failed, NOON + 4 * MINUTE), '4 4 4 4 4', 'what cannot be read is begun anew');
  });
});
