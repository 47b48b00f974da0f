import assert from 'node:assert/strict';
import { systemClock } from '#lib/clock.ts';
import { released } from '#test/agent-work.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';

describe('what a daemon remembers of its channels', () => {
  let dir: TempDir;
  let journal: Journal;
  beforeEach(async () => {
    dir = await tempDir('inbox');
    journal = new Journal({ stateDir: dir.path, clock: systemClock });
    await journal.start();
  });
  afterEach(async () => {
    await journal.stop();
    await dir[Symbol.asyncDispose]();
  });

  it('is since when it takes part in one as it does, also over a restart', async () => {
    assert.equal(journal.inbox.inModeSince('c1', 'mention', 1000), 1000);
    assert.equal(journal.inbox.inModeSince('c1', 'mention', 2000), 1000, 'it has not changed');
    assert.equal(journal.inbox.inModeSince('c2', 'mention', 2000), 2000, 'each channel by itself');
    assert.equal(journal.inbox.inModeSince('c1', 'all', 3000), 3000, 'from now on');

    await journal.stop();
    journal = new Journal({ stateDir: dir.path, clock: systemClock });
    await journal.start();

    assert.equal(journal.inbox.inModeSince('c1', 'all', 4000), 3000);
  });

  it('is in which threads it was asked, and which posts it has taken', () => {
    const conversation = {
      id: 'mm-root',
      surface: 'mattermost' as const,
      channelId: 'c1',
      rootId: 'root',
      postId: 'p1',
    };
    journal.inbox.add('p1', 'athena', conversation);

    assert.equal(journal.inbox.wasAskedIn('root', 'athena'), true);
    assert.equal(journal.inbox.wasAskedIn('root', 'apollo'), false);
    assert.equal(journal.inbox.wasAskedIn('p1', 'athena'), false, 'a post of the thread is not its root');
    assert.equal(journal.inbox.knows('p1', 'athena'), true);
    assert.equal(journal.inbox.knows('p1', 'apollo'), false);
    assert.equal(journal.inbox.knows('root', 'athena'), false);
  });

  it('is what the session of a thread has: what waits, and what a run began with, unless that is long ago', () => {
    const ask = (postId: string, rootId = 'root') => {
      const conversation = { id: 'mm-root', surface: 'mattermost' as const, channelId: 'c1', rootId, postId };
      journal.inbox.add(postId, 'athena', conversation);
      return released(`run-of-${postId}`, { conversation }).dispatch;
    };
    const has = (since = 0) => [...journal.inbox.inSession('root', 'athena', since)].sort();
    ask('waits');
    ask('elsewhere', 'another root');
    ask('refused');
    journal.inbox.settle('refused');
    journal.runs.claim(ask('answered'), 'nonce');
    journal.runs.advance('run-of-answered', 'start');
    journal.inbox.settle('answered');
    journal.runs.claim(ask('discarded'), 'nonce');
    journal.runs.advance('run-of-discarded', 'discard');
    journal.inbox.settle('discarded');

    assert.deepEqual(has(), ['answered', 'waits']);
    assert.deepEqual(has(systemClock.now() + 1000), []);
    assert.deepEqual([...journal.inbox.inSession('root', 'apollo', 0)], []);
  });
});
