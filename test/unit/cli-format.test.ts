import assert from 'node:assert/strict';
import { age, duration, harmless, oneLine, table } from '../../src/cli/format.ts';
import { shortIds } from '../../src/cli/id-prefix.ts';
import { createOutput } from '../../src/cli/output.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('times on the command line', () => {
  it('say how long ago something was', () => {
    const shown = [-5, 999, 59_999, MINUTE, 59 * MINUTE, HOUR, 47 * HOUR, 48 * HOUR].map(age);

    assert.deepEqual(shown, ['0 s', '0 s', '59 s', '1 min', '59 min', '1 h', '47 h', '2 d']);
  });

  it('say how long something took, never rounding up into the next unit', () => {
    const shown = [-1, 0, 340, 999, 1000, 3249, 59_999, 125_000, 2 * HOUR + 3 * MINUTE].map(duration);

    assert.deepEqual(shown, [
      ...['0 ms', '0 ms', '340 ms', '999 ms', '1.0 s', '3.2 s', '59.9 s', '2 min 5 s', '2 h 3 min'],
    ]);
  });
});

describe('text of others on the command line', () => {
  it('steers no terminal', () => {
    const text = '\u001b]0;title\u0007\u001b[31mred\u001b[0m\r\n\tand\u0008 \u009b2Jon';

    assert.equal(harmless(text), 'red\n\tand on');
  });

  it('is cut to the columns it may take, wide characters counting two', () => {
    assert.equal(oneLine('two\n  lines', 20), 'two lines');
    assert.equal(oneLine('abcdef', 6), 'abcdef');
    assert.equal(oneLine('abcdefg', 6), 'abcde…');
    assert.equal(oneLine('漢字漢字', 8), '漢字漢字');
    assert.equal(oneLine('漢字漢字', 7), '漢字漢…');
  });
});

describe('a table', () => {
  const rows = [
    ['漢字', 'a long text that goes on and on'],
    ['plain', ''],
  ];

  it('aligns columns by what they take on a screen and cuts the last one', () => {
    assert.deepEqual(table(['ID', 'TEXT'], rows, 29), [
      'ID     TEXT',
      '漢字   a long text that goes…',
      'plain',
    ]);
  });

  it('is not cut when it goes into a pipe', () => {
    const [, line] = table(['ID', 'TEXT'], rows, Number.POSITIVE_INFINITY);

    assert.equal(line, '漢字   a long text that goes on and on');
  });
});

describe('short ids of tasks', () => {
  it('have the length at which all of them differ, the time at least', () => {
    const ids = ['01a1fd88-a6eb-72ce-b4c3-07a344e2e229', '01a1fd88-a6eb-73ce-b4c3-07a344e2e229'];

    assert.deepEqual(shortIds(ids.slice(0, 1)), ['01a1fd88-a6eb']);
    assert.deepEqual(shortIds(ids), ['01a1fd88-a6eb-72', '01a1fd88-a6eb-73']);
    assert.deepEqual(shortIds([]), []);
  });
});

describe('output', () => {
  function screens(isTTY: boolean, plain: boolean) {
    const written = { stdout: '', stderr: '' };
    const screen = (name: 'stdout' | 'stderr') => ({
      isTTY,
      columns: 70,
      write: (text: string) => {
        written[name] += text;
      },
    });
    return { written, out: createOutput(screen('stdout'), screen('stderr'), plain) };
  }

  it('has colours, a width and progress on a terminal', () => {
    const { written, out } = screens(true, false);

    out.print(out.style('red', 'bad'));
    out.progress('meanwhile');

    assert.equal(out.width, 70);
    assert.deepEqual(written, { stdout: '\u001b[31mbad\u001b[39m\n', stderr: 'meanwhile\n' });
  });

  it('has no colours on a terminal that wants none', () => {
    const { out } = screens(true, true);

    assert.equal(out.style('red', 'bad') + out.noteStyle('red', 'bad'), 'badbad');
  });

  it('has neither in a pipe, and keeps notes out of the answer', () => {
    const { written, out } = screens(false, false);

    out.json({ answer: out.style('red', '42') });
    out.progress('meanwhile');
    out.note('by the way');

    assert.equal(out.width, Number.POSITIVE_INFINITY);
    assert.deepEqual(written, { stdout: '{\n  "answer": "42"\n}\n', stderr: 'by the way\n' });
  });
});
