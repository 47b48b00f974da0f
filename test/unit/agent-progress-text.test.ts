import assert from 'node:assert/strict';
import { withCall, workedText, workingText } from '../../src/agent/parts/progress-text.ts';

/** What is counted after calls of these tools. */
function callsOf(...tools: readonly (string | undefined)[]): Record<string, number> {
  return tools.reduce<Record<string, number>>((calls, tool) => withCall(calls, tool).calls, {});
}

describe('what a progress post says', () => {
  it('has the tools in plain words, how often, and for how long', () => {
    const calls = callsOf('read', 'exec', 'process', 'edit', 'exec');

    assert.equal(
      workingText(42_400, calls, withCall(calls, 'exec').name),
      'Working for 42 s, running a command.\n5 tool calls so far: 3 commands, 1 file read, 1 file change.',
    );
    assert.equal(
      workingText(61_000, callsOf('exec'), undefined).split('\n')[0],
      'Working for 1 min 1 s, thinking.',
    );
    assert.equal(
      workedText(3_725_000, callsOf('read', 'read')),
      'Worked 1 h 2 min: 2 tool calls (2 files read).',
    );
    assert.equal(workedText(undefined, callsOf('exec')), 'No longer at work here: 1 tool call (1 command).');
    assert.equal(workedText(5_000, {}), 'Worked 5 s.');
  });

  it('names a tool that it does not know, as code, and none whose name could be more than that', () => {
    const calls = callsOf(
      'github__create_issue',
      'github__create_issue',
      '@all',
      '`',
      '__proto__',
      'toString',
      undefined,
    );

    assert.equal(
      workedText(1_000, calls),
      'Worked 1 s: 7 tool calls (4 other tools, 2 `github__create_issue`, 1 `toString`).',
    );
    assert.match(workingText(0, calls, 'github__create_issue'), /, using `github__create_issue`\.$/m);
    assert.match(workingText(0, calls, withCall(calls, '@all').name), /, using a tool\.$/m);
  });

  it('stays short however many tools there are', () => {
    const names = Array.from({ length: 500 }, (_, index) => `tool${index}`);

    const text = workedText(1_000, callsOf(...names));

    assert.match(text, /^Worked 1 s: 500 tool calls \(480 other tools, /);
    assert.ok(text.length < 500, text);
  });
});
