import assert from 'node:assert/strict';
import { mentionsIn } from '../../src/control/github/mentions.ts';

describe('who is mentioned in a comment on GitHub', () => {
  const CASES: readonly [what: string, markdown: string, mentioned: string[]][] = [
    ['a mention', '@athena please look', ['athena']],
    ['in other capitals, twice', 'Dear @Athena, dear @athena', ['athena']],
    ['two of them, with what may stand around', '(@athena), @apollo: look!', ['athena', 'apollo']],
    ['at the end of a sentence', 'Ask @athena.', ['athena']],
    ['after a quotation, from a new paragraph on', '> @apollo said so\n\n@athena?', ['athena']],
    ['after code', '```\n@apollo\n```\n@athena', ['athena']],
    ['in an item of a list', '- @athena\n  - @apollo', ['athena', 'apollo']],
    ['in a line that is indented and goes on with a paragraph', 'well\n    @athena', ['athena']],
    ['beside a backtick that begins no code', 'a ` b @athena', ['athena']],
    ['behind an opened comment that stands in code', '`<!--` @athena', ['athena']],
    ['beside code that three backticks mark in a line', '```a``` @athena', ['athena']],
    ['not in a quotation', '> @athena', []],
    ['not in a quotation of an item', '1. well\n   - > @athena', []],
    ['not in a block of an item', '- ```\n  @athena\n  ```', []],
    ['not in a line that goes on with a quotation', '> well\n@athena', []],
    ['not in a nested quotation', '> > @athena', []],
    ['not in a span of code', 'write `@athena`', []],
    ['not in a span with more backticks', 'write ``a ` @athena``', []],
    ['not in a span over two lines', 'write `one\n@athena two`', []],
    ['not in a fenced block', '```js\n@athena\n```', []],
    ['not in a block that does not end', 'see\n```\n@athena', []],
    ['not in a block with tildes that holds backticks', '~~~\n```\n@athena\n~~~', []],
    ['not in a block with a longer fence', '````\n```\n@athena\n````', []],
    ['not in an indented block', 'see:\n\n    @athena', []],
    ['not in what nobody sees', '<!-- @athena -->', []],
    ['not behind what nobody sees and does not end', '<!-- well\n@athena', []],
    ['not in code as HTML', '<pre>\n@athena\n</pre><code>@athena</code>', []],
    ['not in a quotation as HTML', '<blockquote>@athena</blockquote>', []],
    ['not in an address', 'ada@athena.example and mail@athena', []],
    ['not in a path', 'https://example.com/@athena', []],
    ['not a team', '@athena/all', []],
    ['not the beginning of a longer name', '@athenaeum', ['athenaeum']],
    ['not of a package', 'npm install @athena/core', []],
    ['not of nothing', '', []],
  ];
  for (const [what, markdown, mentioned] of CASES)
    it(what, () => assert.deepEqual(mentionsIn(markdown), mentioned));
});
