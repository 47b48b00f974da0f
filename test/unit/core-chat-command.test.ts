import assert from 'node:assert/strict';
import { chatVerbs, commandText, quotable, readChatCommand, unmentioning } from '#core/chat-command.ts';
import { mentionedNames } from '#integrations/mattermost/mentions.ts';

const ID = '01890a5d-ac96-774b-bcce-b302099a8057';

describe('what people say to the control plane in chat', () => {
  for (const [message, text] of [
    ['!olympus status', 'status'],
    ['  !OLYMPUS   why ', 'why'],
    ['!olympus', ''],
    ['!olympus\nhelp', 'help'],
    // A right-to-left mark, a zero-width space and a byte order mark, which nobody sees.
    ['\u200f!oly\u200bmpus status\ufeff', 'status'],
    ['@athena !olympus status', 'status'],
    ['@athena, @apollo: !olympus status', 'status'],
    ['!olympusstatus', undefined],
    ['please say !olympus status', undefined],
    ['/olympus status', undefined],
    ['```\n!olympus status\n```', undefined],
  ] as const) {
    it(`is ${text === undefined ? 'not' : 'read from'} ${JSON.stringify(message)}`, () => {
      assert.equal(commandText(message), text);
    });
  }

  for (const [text, command] of [
    ['', { verb: 'help', target: undefined, rest: '' }],
    ['STATUS', { verb: 'status', target: undefined, rest: '' }],
    ['cancel', { verb: 'cancel', target: undefined, rest: '' }],
    [`cancel ${ID}`, { verb: 'cancel', target: ID, rest: '' }],
    [`cancel \`${ID.toUpperCase()}\`, too late`, { verb: 'cancel', target: ID, rest: 'too late' }],
    [`approve **${ID}**`, { verb: 'approve', target: ID, rest: '' }],
    ['answer 👨‍👩‍👧 می‌خواهم', { verb: 'answer', target: undefined, rest: '👨‍👩‍👧 می‌خواهم' }],
    [`cancel \u200b ${ID} too late`, { verb: 'cancel', target: ID, rest: 'too late' }],
    ['answer 12345678', { verb: 'answer', target: undefined, rest: '12345678' }],
    ['cancel it is too late', { verb: 'cancel', target: undefined, rest: 'it is too late' }],
    ['deny  not on a\nFriday', { verb: 'deny', target: undefined, rest: 'not on a\nFriday' }],
    [`answer ${ID} two  of them`, { verb: 'answer', target: ID, rest: 'two  of them' }],
    ['pause @Athena, she repeats herself', { verb: 'pause', target: 'athena', rest: 'she repeats herself' }],
    ['resume all', { verb: 'resume', target: 'all', rest: '' }],
    ['stop-all fire', { verb: 'stop-all', target: undefined, rest: 'fire' }],
  ] as const) {
    it(`understands ${JSON.stringify(text)}`, () => {
      assert.deepEqual(readChatCommand(text), { kind: 'command', command });
    });
  }

  for (const [text, sentence] of [
    ['dance', 'I know no `dance`. `!olympus help` lists what there is.'],
    ['constructor', 'I know no `constructor`. `!olympus help` lists what there is.'],
    ['@all `x`', 'I know no `@all`. `!olympus help` lists what there is.'],
    ['status of athena', 'Write it so: `!olympus status`.'],
    ...[
      'why 01890a5d-ac96',
      'approve **01890a5d-ac96**',
      'deny task 01890a5d-ac96',
      'answer (01890a5d-ac96) red',
    ].map(
      (text) =>
        [
          text,
          `I do not understand \`01890a5d-ac96\`: write a whole id of 36 characters, right after \`${text.split(' ')[0]}\`.`,
        ] as const,
    ),
    ...[
      ['approve', '01890a5d'],
      ['deny', '01890a5d-ac'],
      ['cancel', 'b302099a8057'],
      ['retry', ID.replaceAll('-', '')],
      ['approve', ID.replaceAll('-', '\u2011')],
      ['deny', ID.replace('d', 'g')],
      ['approve', `approval:${ID}`],
      ['approve', `https://chat/${ID}`],
      ['answer', `${ID},${ID}`],
      ['retry', ID, `task ${ID}`],
      ['approve', ID, `please the approval ${ID}`],
    ].map(
      ([verb, meant, said = meant]) =>
        [
          `${verb} ${said}`,
          `I do not understand \`${meant}\`: write a whole id of 36 characters, right after \`${verb}\`.`,
        ] as const,
    ),
    ['answer \u200b', 'Write it so: `!olympus answer [question] text`.'],
    ['pause', 'Write it so: `!olympus pause agent|all [reason]`.'],
    ['resume athena now', 'Write it so: `!olympus resume agent|all`.'],
    ['answer', 'Write it so: `!olympus answer [question] text`.'],
    [`answer ${ID}`, 'Write it so: `!olympus answer [question] text`.'],
    [`deny ${'x'.repeat(2001)}`, 'That is longer than the 2000 characters that I take here.'],
  ] as const) {
    it(`says what is wrong with ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.deepEqual(readChatCommand(text), { kind: 'wrong', sentence });
    });
  }

  it('is quoted so that nothing in it mentions anybody, or ends the quote', () => {
    const hostile = `@apollo \`@hermes\` \`\`\`\n@all\n\`\`\` \u202e@zeus\u200b ${'x'.repeat(200)}`;

    const quoted = `\`${quotable(hostile)}\``;

    assert.deepEqual(mentionedNames(quoted), []);
    assert.equal(quoted.match(/`/g)?.length, 2);
    assert.ok(Array.from(quoted).length <= 82);
    assert.equal(quotable(''), ' ', 'two backticks alone would begin a quote');
  });

  it('says the same without mentioning anybody', () => {
    const text = unmentioning('cancelled by ada: @hermes does it');

    assert.deepEqual(mentionedNames(text), []);
    assert.equal(text.replaceAll('\u200b', ''), 'cancelled by ada: @hermes does it');
  });

  it('has a verb for everything that help shows', () => {
    for (const [verb, { usage }] of Object.entries(chatVerbs)) assert.equal(usage.split(' ')[0], verb);
  });
});
