import assert from 'node:assert/strict';
import { type ChatReader, startChatReader } from '#test/chat-reader.ts';
import { ControlSurface } from '#test/control-surface.ts';
import { Person } from '#test/person.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { createMattermostStandin } from '../../src/standins/mattermost/server.ts';

const SEED = {
  team: { name: 'olympus' },
  users: [{ username: 'ada', token: 'ada-token' }],
  bots: [
    { username: 'athena', token: 'athena-token' },
    { username: 'weatherbot', token: 'weather-token' },
  ],
  channels: [{ name: 'leads' }],
};

describe('what an agent tells control of who asks', () => {
  let standin: Awaited<ReturnType<typeof createMattermostStandin>>;
  let ada: Person;
  let dir: TempDir;
  let daemon: ChatReader;
  const account = (change: object) =>
    new ControlSurface(standin.adminUrl).post('account', { username: 'ada', ...change });
  before(async () => {
    standin = await createMattermostStandin({ seed: SEED });
    ada = await Person.connect(standin.url, 'ada-token');
    dir = await tempDir('inbox');
    daemon = await startChatReader({ url: standin.url, stateDir: dir.path });
  });
  after(async () => {
    await daemon?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
    await standin?.close();
  });
  const ADA = () => ({ id: ada.userId, name: 'ada', kind: 'human' });

  it('is their account, how it stands, its roles, and the channel', async () => {
    await ada.say('@athena first', { channel: 'leads' });

    const { data } = await daemon.asked('first');

    assert.deepEqual(data.requester, { ...ADA(), standing: 'member', roles: ['system_user'] });
    assert.equal(data.channel, 'leads');
  });

  it('is as the server has them now, though they were known before as something else', async () => {
    await account({ roles: 'system_guest' });
    await ada.say('@athena second');
    const { data } = await daemon.asked('second');
    await account({ roles: 'system_user system_admin' });
    await ada.say('@athena third');
    const { data: later } = await daemon.asked('third');

    assert.deepEqual(data.requester, { ...ADA(), standing: 'guest', roles: ['system_guest'] });
    assert.deepEqual(later.requester?.['roles'], ['system_user', 'system_admin']);
  });

  it('is that they were deactivated, of what they had said before the agent came back to read it', async () => {
    await daemon[Symbol.asyncDispose]();
    await ada.say('@athena my last words');
    await ada.say('!olympus stop-all');
    await account({ active: false });

    daemon = await startChatReader({ url: standin.url, stateDir: dir.path });

    const { data } = await daemon.asked('my last words');
    assert.equal(data.requester?.['standing'], 'deactivated');
    const { data: command } = await daemon.asked('stop-all');
    assert.equal(command.requester?.['standing'], 'deactivated');
    await account({ active: true });
  });

  it('is of a bot what can be counted on from, whatever it says of itself, and nothing after it is held up', async () => {
    const bot = await Person.connect(standin.url, 'weather-token');
    const claim = (text: string, olympus: unknown) =>
      bot.say(`@athena ${text}`, { props: { olympus, from_webhook: 'true', attachments: [null, 7] } });
    await claim('rain', { marker: 'm', depth: Number.MAX_SAFE_INTEGER });
    await claim('snow', { marker: 'm', depth: 1e300 });
    await claim('hail', { marker: 'm', depth: -1 });
    await claim('fog', [{ marker: { $gt: '' } }]);
    await ada.say('@athena after the weather');

    await daemon.asked('after the weather');
    assert.equal((await daemon.asked('rain')).olympusdepth, 1001);
    for (const text of ['snow', 'hail', 'fog'])
      assert.equal((await daemon.asked(text)).olympusdepth, 1, 'as if it said nothing');
    const { data } = await daemon.asked('rain');
    assert.deepEqual(data.requester, { id: bot.userId, name: 'weatherbot', kind: 'bot' });
  });

  for (const [what, message, text] of [
    ['turned round before it', '\u202e@athena one', '\u202e@athena one'],
    ['with nothing seen behind it', '@athena\u200b two', '@athena\u200b two'],
    ['with an unseen space before it', '\u2060\u200b@athena three', '\u2060\u200b@athena three'],
  ] as const) {
    it(`is asked by a name ${what}, and its text is as it was written`, async () => {
      await ada.say(message);

      await daemon.asked(text);
    });
  }

  it('is nothing where the name only looks like its own', async () => {
    await ada.say('@аthena with a letter of another alphabet');
    await ada.say('@ath\u200bena with something in between');
    await ada.say('@athena at last');

    await daemon.asked('at last');
    const said = await daemon.said();
    assert.ok(!said.some((text) => text?.includes('alphabet')), said.join());
    // The lead has control say that there is nobody of that name.
    assert.ok(
      said.some((text) => text?.includes('something in between')),
      said.join(),
    );
  });
});
