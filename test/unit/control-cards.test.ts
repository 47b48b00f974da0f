import assert from 'node:assert/strict';
import { actionHash } from '#core/action.ts';
import { Cards, hasCard } from '../../src/control/approvals/cards.ts';

const ACTION = { kind: 'deploy.production', target: 'web-1', params: { version: '2.4.1' } };
const URL = 'http://10.220.1.20:8090/chat/press';

describe('the buttons of a card', () => {
  const cards = new Cards({ url: URL, secret: 'the full token' });
  let hash: string;
  before(async () => {
    hash = await actionHash(ACTION);
  });
  const cardOf = (asks: Parameters<Cards['cardOf']>[0]['asks'], made = cards) =>
    made.cardOf({ id: 'a1', hash, asks, expiresAt: 1_764_000_000_000 });
  const pressOf = (index: number): Record<string, unknown> =>
    cardOf({ action: ACTION })?.buttons[index]?.press ?? assert.fail('no such button');

  it('are for approving and denying exactly one action', () => {
    const card = cardOf({ action: ACTION });

    assert.equal(card?.id, 'a1');
    assert.equal(card?.url, URL);
    assert.deepEqual(
      card?.buttons.map(({ name, style }) => [name, style]),
      [
        ['Approve', 'primary'],
        ['Deny', 'danger'],
      ],
    );
    const meant = [0, 1].map((index) => cards.read(pressOf(index)));
    assert.deepEqual(
      meant.map((each) => [each?.verb, each?.approval, each?.hash]),
      [
        ['approve', 'a1', hash],
        ['deny', 'a1', hash],
      ],
    );
  });

  it('are the choices of a question; without any there is no card', () => {
    const choices = ['teal', 'mauve'];
    const card = cardOf({ question: { text: 'Which colour?', choices } });

    assert.deepEqual(
      card?.buttons.map(({ press }) => cards.read(press)?.choice),
      choices,
    );
    assert.equal(cardOf({ question: { text: 'Why?' } }), undefined);
    assert.equal(hasCard({ question: { text: 'Why?' } }), false);
    assert.equal(hasCard({ question: { text: 'Which?', choices } }), true);
  });

  it('differ from one card to the next, also of the same thing', () => {
    assert.notEqual(pressOf(0)['mac'], pressOf(0)['mac']);
  });

  it('are known after a restart, and are nothing to somebody else', () => {
    const again = new Cards({ url: URL, secret: 'the full token' });
    const another = new Cards({ url: URL, secret: 'another token' });

    assert.equal(again.read(pressOf(0))?.verb, 'approve');
    assert.equal(another.read(pressOf(0)), undefined);
  });

  for (const [field, value] of [
    ['approval', 'a2'],
    ['hash', '0'.repeat(64)],
    ['expiresAt', 1_864_000_000_000],
    ['nonce', 'f'.repeat(32)],
    ['verb', 'deny'],
    ['choice', 'teal'],
    ['mac', ''],
    ['mac', 'é'.repeat(64)],
    ['mac', '0'.repeat(64)],
    ['mac', ['0']],
    ['selected_option', 'anything'],
  ] as const) {
    it(`are not ours any more once ${field} is ${JSON.stringify(value)}`, () => {
      assert.equal(cards.read({ ...pressOf(0), [field]: value }), undefined);
    });
  }

  for (const press of [undefined, null, 'approve', [], {}]) {
    it(`are not ${JSON.stringify(press)}`, () => {
      assert.equal(cards.read(press), undefined);
    });
  }
});
