import assert from 'node:assert/strict';
import { mentionedUsers } from '../../src/standins/mattermost/mentions.ts';
import type { Channel, Post, User } from '../../src/standins/mattermost/model.ts';

describe('mentions of the Mattermost stand-in', () => {
  const MENTIONS: readonly [text: string, who: string[]][] = [
    ['@zeus please', ['zeus']],
    ['(@zeus)', ['zeus']],
    ['@ZEUS, hi', ['zeus']],
    ['ask @zeus.', ['zeus']],
    ['@zeus: build', ['zeus']],
    ['**@zeus** and _@hermes_', ['hermes', 'zeus']],
    ['@zeus.@hermes', ['hermes', 'zeus']],
    ['zeus without at', []],
    ['mail zeus@example', []],
    ['foo@zeus', []],
    ['@zeusling', []],
    ['`@zeus` is a name', []],
    ['``a ` @zeus`` is code', []],
    ['```\n@zeus\n```', []],
    ['```sh\n@zeus\n```\n@hermes', ['hermes']],
    ['~~~\n@zeus\n~~~', []],
    ['```\n@zeus', []],
    ['look:\n\n    @zeus\n\nend', []],
    ['a lone ` and @zeus', ['zeus']],
    ['@channel standup', ['hermes', 'zeus']],
    ['@all standup', ['hermes', 'zeus']],
    ['@here standup', ['zeus']],
    ['@human talks of himself', []],
  ];
  for (const [text, expected] of MENTIONS) {
    it(`of ${JSON.stringify(text)} are ${expected.join(' and ') || 'nobody'}`, () => {
      assert.deepEqual(mentioned({ message: text }), expected);
    });
  }

  it('are everybody else in direct and group channels', () => {
    assert.deepEqual(mentioned({ message: 'hi' }, 'D'), ['hermes', 'zeus']);
    assert.deepEqual(mentioned({ message: 'hi' }, 'G'), ['hermes', 'zeus']);
  });

  it('are the one who was added, and nobody for other system posts', () => {
    const props = { addedUserId: 'zeus' };
    assert.deepEqual(mentioned({ message: 'x', type: 'system_add_to_channel', props }), ['zeus']);
    assert.deepEqual(mentioned({ message: '@zeus joined', type: 'system_join_channel' }), []);
  });

  function mentioned(post: Partial<Post>, type: Channel['type'] = 'O'): string[] {
    const members = ['human', 'zeus', 'hermes'].map((name) => ({ id: name, username: name }) as User);
    return [
      ...mentionedUsers({
        post: { user_id: 'human', type: '', props: {}, ...post } as Post,
        channel: { type } as Channel,
        members,
        isOnline: (id) => id === 'zeus',
      }),
    ].sort();
  }
});
