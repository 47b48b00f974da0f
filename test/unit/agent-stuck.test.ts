import assert from 'node:assert/strict';
import type { TurnProgress } from '#core/harness.ts';
import { toolStepOf } from '#integrations/openclaw/tool-step.ts';
import { SIGNS_OF_SUSPICION, StuckDetector } from '../../src/agent/stuck/detector.ts';

const MINUTE = 60_000;
const LIMITS = { silentMs: 10 * MINUTE, sameError: 3, sameResult: 4, alternating: 6, compactions: 3 };

describe('a turn is suspected', () => {
  const stuck: readonly [what: string, steps: readonly TurnProgress[]][] = [
    ['when one call fails in the same way again and again', times(4, () => failed('a', 'no such file'))],
    ['when one call fails, however differently, for twice as long', times(6, (n) => failed('a', `try ${n}`))],
    ['when one call gets the same for twice as long', times(8, () => step('a', 'same'))],
    ['when two calls take turns for twice as long', times(12, (n) => step(`${n % 2}`, 'same'))],
    ['when the context is cut over nothing new, for twice as long', times(6, () => ({ kind: 'compacted' }))],
    [
      'when there are two signs at once',
      [...times(4, () => step('a', 'same')), ...times(3, (): TurnProgress => ({ kind: 'compacted' }))],
    ],
  ];
  for (const [what, steps] of stuck) {
    it(what, () => {
      const last = steps.at(-1);
      assert.ok(last);
      assert.equal(suspects(steps), true);
      assert.equal(suspects(steps.slice(0, -1)), false, 'one step earlier it is not');
    });
  }

  it('when it has been silent for twice as long, and not before', () => {
    const detector = new StuckDetector(LIMITS);
    detector.take({ kind: 'started' }, 0);
    detector.take({ kind: 'text' }, MINUTE);
    assert.ok(detector.signs(20 * MINUTE).length < SIGNS_OF_SUSPICION);
    assert.ok(detector.signs(21 * MINUTE).length >= SIGNS_OF_SUSPICION);
  });

  it('with a sentence for each sign', () => {
    assert.deepEqual(signs(times(4, () => failed('a', 'no'))), [
      'the same call of exec failed 4 times',
      'exec was called 4 times with one result',
    ]);
  });
});

describe('a turn is not suspected', () => {
  const working: readonly [what: string, steps: readonly TurnProgress[]][] = [
    ['when it reads many things', times(50, (n) => step(`file ${n}`, `text ${n}`))],
    ['when every call of many fails once', times(50, (n) => failed(`call ${n}`, 'no'))],
    ['when it tests, mends, and the test fails in the same way', times(40, testAndMend)],
    ['when it waits for something and looks a few times', times(7, () => step('look', 'not yet'))],
    ['when what it looks at changes', times(50, (n) => step('look', `line ${n}`))],
    [
      'when a call fails twice and then does not',
      times(30, (n) => (n % 3 ? failed('a', 'no') : step('a', 'yes'))),
    ],
    [
      'when its context is cut as it gets on',
      times(60, (n) => (n % 5 ? step(`call ${n}`, 'x') : { kind: 'compacted' })),
    ],
  ];
  for (const [what, steps] of working) {
    it(what, () => {
      for (let count = 1; count <= steps.length; count += 1) {
        assert.equal(suspects(steps.slice(0, count)), false, `after ${count}`);
      }
    });
  }

  it('when one call takes hours, with or without output', () => {
    const detector = new StuckDetector(LIMITS);
    detector.take({ kind: 'started' }, 0);
    detector.take({ kind: 'tool' }, 0);
    assert.deepEqual(detector.signs(300 * MINUTE), []);
    detector.take({ kind: 'output' }, 300 * MINUTE);
    detector.take({ kind: 'output' }, 301 * MINUTE);
    detector.take(step('make', 'done'), 302 * MINUTE);
    assert.deepEqual(detector.signs(311 * MINUTE), []);
    assert.notDeepEqual(detector.signs(312 * MINUTE), [], 'then its silence counts again');
  });

  it('when it waits its turn behind another of its conversation', () => {
    const detector = new StuckDetector(LIMITS);
    assert.deepEqual(detector.signs(300 * MINUTE), []);
    detector.take({ kind: 'started' }, 300 * MINUTE);
    assert.deepEqual(detector.signs(309 * MINUTE), []);
  });

  it('when its gateway was away, after which no call of it is heard', () => {
    const detector = new StuckDetector(LIMITS);
    detector.take({ kind: 'started' }, 0);
    detector.take({ kind: 'unheard' }, MINUTE);
    assert.deepEqual(detector.signs(300 * MINUTE), []);
    detector.take({ kind: 'text' }, 300 * MINUTE);
    assert.deepEqual(detector.signs(600 * MINUTE), []);
  });
});

describe('a tool call that has ended', () => {
  const args = { command: 'ls' };
  const result = (text: string, details: object = {}) => ({ content: [{ type: 'text', text }], details });

  it('is the same as another with the same arguments and content, whatever time it took', () => {
    const one = toolStepOf('exec', args, { result: result('x', { durationMs: 1, pid: 7 }), isError: false });
    const other = toolStepOf('exec', args, {
      result: result('x', { durationMs: 9, pid: 8 }),
      isError: false,
    });
    assert.deepEqual(one, other);
    assert.notEqual(toolStepOf('exec', args, { result: result('y'), isError: false }).result, one.result);
    assert.notEqual(toolStepOf('exec', {}, { result: result('x'), isError: false }).args, one.args);
  });

  it('has failed when the gateway says so, or its command ended with an exit code', () => {
    const of = (details: object, isError = false) =>
      toolStepOf('exec', args, { result: result('', details), isError }).failed;
    assert.deepEqual(
      [of({ exitCode: 2 }), of({ exitCode: 0 }), of({}), of({}, true)],
      [true, false, false, true],
    );
  });

  it('is understood whatever came back', () => {
    for (const odd of [undefined, null, 'text', 7, { content: undefined }]) {
      assert.equal(toolStepOf('exec', undefined, { result: odd, isError: false }).failed, false);
    }
  });
});

function suspects(progress: readonly TurnProgress[]): boolean {
  return signs(progress).length >= SIGNS_OF_SUSPICION;
}

function signs(progress: readonly TurnProgress[]): string[] {
  const detector = new StuckDetector(LIMITS);
  for (const each of progress) {
    if (each.kind === 'step') detector.take({ kind: 'tool', detail: 'exec' }, 0);
    detector.take(each, 0);
  }
  return detector.signs(0);
}

function testAndMend(n: number): TurnProgress {
  return n % 2 ? step(`mend ${n}`, 'done') : failed('test', 'same error');
}

function step(args: string, result: string, hasFailed = false): TurnProgress {
  return { kind: 'step', step: { tool: 'exec', args, result, failed: hasFailed, shown: args } };
}

function failed(args: string, result: string): TurnProgress {
  return step(args, result, true);
}

function times(count: number, each: (n: number) => TurnProgress): TurnProgress[] {
  return Array.from({ length: count }, (_, n) => each(n));
}
