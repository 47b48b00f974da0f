import assert from 'node:assert/strict';
import { markerOfCard } from '#core/card.ts';
import { Post } from '#integrations/mattermost/posts.ts';
import { commandOfReaction, decides } from '../../src/agent/parts/card-reactions.ts';

const ATTACHMENTS = [{ actions: [{ id: 'button0', name: 'Approve' }] }];

function post(props: object): Post {
  return Post.parse({
    id: 'p1',
    create_at: 1,
    user_id: 'athena',
    channel_id: 'c1',
    message: 'may I?',
    props,
  });
}
const card = post({ olympus: { marker: markerOfCard('a1'), depth: 0 }, attachments: ATTACHMENTS });

describe('an emoji below a card', () => {
  for (const [emoji_name, command] of [
    ['+1', 'approve a1'],
    ['thumbsup', 'approve a1'],
    ['+1_medium_dark_skin_tone', 'approve a1'],
    ['white_check_mark', 'approve a1'],
    ['-1', 'deny a1'],
    ['-1_light_skin_tone', 'deny a1'],
    ['x', 'deny a1'],
    ['heart', undefined],
    ['+1_and_more', undefined],
    ['eyes', undefined],
    ['constructor', undefined],
  ] as const) {
    it(`says ${command ?? 'nothing'} when it is ${emoji_name}`, () => {
      assert.equal(decides({ emoji_name }), command !== undefined);
      assert.equal(commandOfReaction({ emoji_name }, card), command);
    });
  }

  it('says nothing below a card that is closed, and below what is none', () => {
    const thumb = { emoji_name: '+1' };

    assert.equal(
      commandOfReaction(thumb, post({ olympus: { marker: markerOfCard('a1'), depth: 0 } })),
      undefined,
    );
    assert.equal(
      commandOfReaction(thumb, post({ olympus: { marker: 'd1-0', depth: 0 }, attachments: ATTACHMENTS })),
      undefined,
    );
    assert.equal(commandOfReaction(thumb, post({ attachments: ATTACHMENTS })), undefined);
  });
});
