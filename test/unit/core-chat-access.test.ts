import assert from 'node:assert/strict';
import type { z } from 'zod';
import { ChatAccess, type ChatAsker, type ChatPlace, withoutAccess } from '#core/chat-access.ts';

const ID_OF_ADA = 'adaadaadaadaadaadaadaada26';
const ADA = { id: ID_OF_ADA, name: 'Ada.L', standing: 'member', roles: ['system_user'] } as const;
const BOB = {
  id: 'bobbobbobbobbobbobbobbob26',
  name: 'bob',
  standing: 'member',
  roles: ['system_user'],
} as const;
const ROOT = { ...BOB, name: 'root', roles: ['system_user', 'system_admin'] } as const;
const CAROL = { id: 'carol', name: 'carol', standing: 'guest', roles: ['system_guest'] } as const;
const GONE = { ...ADA, standing: 'deactivated' } as const;

const LEADS: ChatPlace = { id: 'leadsleadsleadsleadsleads2', name: 'leads', isDirect: false };
const SQUARE: ChatPlace = { id: 'c1', name: 'town-square', isDirect: false };
const DIRECT: ChatPlace = { id: 'd1', name: 'a__b', isDirect: true };

describe('who may give work in chat', () => {
  const CASES: readonly [
    what: string,
    access: z.input<typeof ChatAccess>,
    who: ChatAsker,
    where: ChatPlace,
    without: string | undefined,
  ][] = [
    ['anybody, where nothing is said', {}, BOB, SQUARE, undefined],
    ['not a guest, where nothing is said', {}, CAROL, SQUARE, 'standing'],
    ['not who was deactivated', {}, GONE, DIRECT, 'standing'],
    ['not who was deactivated, on a list or not', { others: { users: ['ada.l'] } }, GONE, SQUARE, 'standing'],
    ['one of an older daemon that says nothing of them', {}, { id: 'u', name: 'bob' }, SQUARE, undefined],
    ['who is named, in any case', { channels: { leads: { users: ['ada.l'] } } }, ADA, LEADS, undefined],
    ['who is named by id', { channels: { leads: { users: [ID_OF_ADA] } } }, ADA, LEADS, undefined],
    [
      'not who takes an id for a name',
      { channels: { leads: { users: [ID_OF_ADA] } } },
      { ...BOB, name: ID_OF_ADA },
      LEADS,
      'list',
    ],
    ['not who is not named', { channels: { leads: { users: ['ada.l'] } } }, BOB, LEADS, 'list'],
    [
      'who has one of the roles',
      { channels: { leads: { users: ['ada.l'], roles: ['system_admin'] } } },
      ROOT,
      LEADS,
      undefined,
    ],
    ['not who has none of them', { channels: { leads: { roles: ['system_admin'] } } }, BOB, LEADS, 'list'],
    ['a guest who is named', { others: { users: ['carol'] } }, CAROL, SQUARE, undefined],
    ['a guest where guests may', { others: { roles: ['system_guest'] } }, CAROL, SQUARE, undefined],
    ['no guest where members may', { others: { roles: ['system_user'] } }, CAROL, SQUARE, 'list'],
    ['nobody, where nobody is on the list', { others: { users: [] } }, ROOT, SQUARE, 'list'],
    [
      'by the channel and not by the others',
      { channels: { leads: { users: ['bob'] } }, others: { users: [] } },
      BOB,
      LEADS,
      undefined,
    ],
    [
      'by the id of a channel before its name',
      { channels: { [LEADS.id]: { users: [] }, leads: { users: ['bob'] } } },
      BOB,
      LEADS,
      'list',
    ],
    [
      'not by a name that is another channel’s id',
      { channels: { [LEADS.id]: { users: ['bob'] } }, others: { users: [] } },
      BOB,
      { ...SQUARE, name: LEADS.id },
      'list',
    ],
    [
      'not by what every object has',
      { others: { users: [] } },
      BOB,
      { ...SQUARE, name: 'constructor' },
      'list',
    ],
    [
      'in a direct message by its own list alone',
      { others: { users: [] }, direct: { users: ['bob'] } },
      BOB,
      DIRECT,
      undefined,
    ],
    ['not in a direct message, where it says so', { direct: { users: ['ada.l'] } }, BOB, DIRECT, 'list'],
    [
      'in a channel without a name as in the others',
      { others: { users: [] } },
      BOB,
      { ...LEADS, name: undefined },
      'list',
    ],
  ];
  for (const [what, access, who, where, without] of CASES) {
    it(`is ${what}`, () => {
      assert.equal(withoutAccess(ChatAccess.parse(access), who, where), without);
    });
  }

  for (const [what, access, sentence] of [
    ['an empty list', { others: {} }, /write users, roles or both; \{users: \[\]\} lets nobody/],
    ['a name with @', { direct: { users: ['@ada'] } }, /write the name of an account without @/],
    [
      'a role that is none',
      { others: { roles: ['admin'] } },
      /write system_admin, system_user or system_guest/,
    ],
    [
      'a channel as it is shown',
      { channels: { 'Town Square': { users: [] } } },
      /write the name of a channel as it stands in its address/,
    ],
    ['a list without users or roles', { others: ['ada'] }, /write who may, such as \{users: \[ada\]/],
  ] as const) {
    it(`is not said by ${what}`, () => {
      const { error } = ChatAccess.safeParse(access);

      assert.match(JSON.stringify(error?.issues).replaceAll('\\"', '"'), sentence);
    });
  }
});
