import assert from 'node:assert/strict';
import { authorOf, subjectsOf } from '#core/subjects.ts';
import { FleetId, Token } from '#core/tokens.ts';

const subjects = subjectsOf('olympus');

describe('the subjects of a fleet', () => {
  it('follow the grammar', () => {
    assert.deepEqual(
      [
        subjects.request('athena', 'task-create'),
        subjects.task('planning', 'athena', 'run-1'),
        subjects.runEvent('athena', 'run-1', 'claimed'),
        subjects.result('planning', 'athena', 'task-1'),
        subjects.heartbeat('athena'),
        subjects.delivery('athena', 'd-1'),
        subjects.control('athena', 'cancel'),
        subjects.event('task', 'task-1', 'complete'),
      ],
      [
        'olympus.requests.athena.task-create',
        'olympus.tasks.planning.athena.run-1',
        'olympus.runs.athena.run-1.claimed',
        'olympus.results.planning.athena.task-1',
        'olympus.heartbeat.athena',
        'olympus.deliveries.athena.d-1',
        'olympus.control.athena.cancel',
        'roundtable.events.olympus.task.task-1.complete',
      ],
    );
  });

  it('name as author the agent that publishes on them', () => {
    const published = [
      subjects.request('athena', 'question'),
      subjects.runEvent('athena', 'run-1', 'tool'),
      subjects.result('planning', 'athena', 'task-1'),
      subjects.heartbeat('athena'),
    ];

    assert.deepEqual(published.map(authorOf), ['athena', 'athena', 'athena', 'athena']);
  });

  it('name no author where control publishes, or where nothing is known', () => {
    const others = [
      subjects.task('planning', 'athena', 'run-1'),
      subjects.delivery('athena', 'd-1'),
      subjects.control('athena', 'cancel'),
      subjects.event('task', 'task-1', 'complete'),
      'knight.athena.task',
      'olympus',
      '',
    ];

    assert.deepEqual(
      others.map(authorOf),
      others.map(() => undefined),
    );
  });

  it('name no author when the subject ends before its place', () => {
    assert.equal(authorOf('olympus.requests'), undefined);
    assert.equal(authorOf('olympus.results.planning'), undefined);
  });

  it('are refused for what is not a token: user text never becomes part of one', () => {
    const bad = ['', 'Athena', 'a.b', '*', '>', 'a b', 'é', 'a\n', '$JS', 'x'.repeat(65)];

    for (const token of bad) {
      assert.throws(() => subjects.heartbeat(token), /use 1 to 64 of/, JSON.stringify(token));
      assert.throws(() => subjects.task(token, 'athena', 'run-1'), /use 1 to 64 of/);
      assert.throws(() => subjects.event('task', token, 'complete'), /use 1 to 64 of/);
    }
    assert.equal(subjects.heartbeat('x'.repeat(64)), `olympus.heartbeat.${'x'.repeat(64)}`);
  });

  it('are refused for a fleet whose name is the first token of a shared subject', () => {
    assert.throws(() => subjectsOf('roundtable'), /roundtable is reserved; choose another fleet id/);
    assert.throws(() => subjectsOf('knight'), /knight is reserved; choose another fleet id/);
    assert.throws(() => subjectsOf('Round.Table'), /use 1 to 64 of/);
    assert.equal(FleetId.safeParse('knights').success, true);
    assert.equal(Token.safeParse('knight').success, true);
  });
});
