import assert from 'node:assert/strict';
import type { ChannelMode } from '#core/manifest.ts';
import { Post, User } from '#integrations/mattermost/posts.ts';
import { MattermostRest } from '#integrations/mattermost/rest.ts';
import { Person } from '#test/person.ts';
import { Addressing } from '../../src/agent/parts/addressing.ts';
import { createMattermostStandin } from '../../src/standins/mattermost/server.ts';

const SEED = {
  team: { name: 'olympus' },
  users: [
    { username: 'ada', token: 'ada-token' },
    { username: 'bob', token: 'bob-token' },
  ],
  bots: [
    { username: 'athena', token: 'athena-token' },
    { username: 'apollo', token: 'apollo-token' },
  ],
  channels: [{ name: 'leads', displayName: 'Leads', type: 'O' }],
};
const { signal } = new AbortController();

/** Says who of athena, the lead, and apollo takes a post, each asked by itself as their daemons are. */
describe('whom a post is for', () => {
  let standin: Awaited<ReturnType<typeof createMattermostStandin>>;
  let ada: Person;
  let bob: Person;
  let athenaSays: Person;
  /** Since when the channel has its mode. */
  let since = 0;
  /** Threads in which each was asked. */
  const asked = { athena: new Set<string>(), apollo: new Set<string>() };
  before(async () => {
    standin = await createMattermostStandin({ seed: SEED });
    ada = await Person.connect(standin.url, 'ada-token');
    bob = await Person.connect(standin.url, 'bob-token');
    athenaSays = await Person.connect(standin.url, 'athena-token');
  });
  after(() => standin?.close());

  async function takers(
    post: { id: string },
    mode: ChannelMode | undefined,
    channelType = 'O',
  ): Promise<string[]> {
    const takers: string[] = [];
    for (const name of ['athena', 'apollo'] as const) {
      const rest = new MattermostRest(standin.url, `${name}-token`);
      const author = (id: string) => rest.user(id, signal);
      const addressing = new Addressing({
        manifest: {
          role: name === 'athena' ? 'lead' : 'specialist',
          channels: { mattermost: mode ? { 'town-square': mode } : {}, progress: true },
        },
        rest,
        inModeSince: () => since,
        wasAskedIn: (rootId, account) => account === name && asked[name].has(rootId),
        author,
      });
      const parsed = Post.parse((await ada.call('GET', `/posts/${post.id}`)).body);
      const event = { post: parsed, channelType, channelName: 'town-square' };
      const me = User.parse(await rest.me(signal));
      const target = await addressing.target(event, await author(parsed.user_id), me, signal);
      if (target) takers.push(target === name ? name : `${name} for ${target}`);
      if (target === name) asked[name].add(parsed.root_id || parsed.id);
    }
    return takers;
  }

  it('is each agent that it mentions, and none in a channel that is off', async () => {
    assert.deepEqual(await takers(await ada.say('@apollo and @athena: hello'), 'mention'), [
      'athena',
      'apollo',
    ]);
    assert.deepEqual(await takers(await ada.say('`@apollo` is a name'), 'mention'), []);
    assert.deepEqual(await takers(await ada.say('@apollo hello'), 'off'), []);
    assert.deepEqual(await takers(await ada.say('@nobody hello'), 'thread'), ['athena for nobody']);
    assert.deepEqual(
      await takers(await ada.say('hello'), undefined, 'D'),
      ['athena', 'apollo'],
      'a direct one',
    );
  });

  it('is the agent that people mentioned last in the thread, without another mention', async () => {
    const { id: rootId } = await ada.say('@athena what is new?');
    assert.deepEqual(await takers({ id: rootId }, 'thread'), ['athena']);
    assert.deepEqual(await takers(await ada.say('and yesterday?', { rootId }), undefined), ['athena']);
    assert.deepEqual(await takers(await bob.say('and the day before?', { rootId }), 'thread'), ['athena']);
    assert.deepEqual(await takers(await ada.say('@bob look at that', { rootId }), 'thread'), [], 'for bob');
    assert.deepEqual(await takers(await ada.say('go on', { rootId }), 'mention'), [], 'only mentions here');

    assert.deepEqual(await takers(await ada.say('@apollo what do you think?', { rootId }), 'thread'), [
      'apollo',
    ]);
    assert.deepEqual(await takers(await ada.say('really?', { rootId }), 'thread'), ['apollo']);
    await ada.say('@athena', { rootId });
    assert.deepEqual(await takers(await ada.say('your turn', { rootId }), 'thread'), ['athena']);
    assert.deepEqual(await takers(await ada.say('something else'), 'thread'), [], 'no thread of theirs');
    since = Date.now() + 60_000;
    assert.deepEqual(
      await takers(await ada.say('and now?', { rootId }), 'thread'),
      [],
      'said before it was so',
    );
    assert.deepEqual(await takers(await ada.say('@athena and now?', { rootId }), 'thread'), ['athena']);
    since = 0;
  });

  it('does not change with what is said to control, or by a webhook in the name of a person', async () => {
    const { id: rootId } = await ada.say('@athena keep this');
    await takers({ id: rootId }, 'thread');
    await ada.say('!olympus cancel @apollo does it', { rootId });
    await ada.say('@apollo: !olympus status', { rootId });
    const hook = { from_webhook: 'true' };
    await ada.say('@apollo build 7 is red', { rootId, props: hook });
    assert.deepEqual(await takers(await ada.say('and?', { rootId }), 'thread'), ['athena']);

    assert.deepEqual(await takers(await ada.say('build 8 is red', { props: hook }), 'all'), []);
    assert.deepEqual(await takers(await ada.say('build 9 is red', { rootId, props: hook }), 'all'), []);
    assert.deepEqual(await takers(await ada.say('@apollo build 9', { props: hook }), 'all'), ['apollo']);
  });

  it('does not change with what agents say to each other', async () => {
    const { id: rootId } = await ada.say('@athena ask around');
    await takers({ id: rootId }, 'thread');
    const bots = await athenaSays.say('@apollo what is new?', { rootId });
    assert.deepEqual(await takers(bots, 'thread'), ['apollo']);
    const idle = await athenaSays.say('nothing, then', { rootId });
    assert.deepEqual(await takers(idle, 'all'), [], 'a bot that mentions nobody speaks to nobody');

    assert.deepEqual(await takers(await ada.say('and?', { rootId }), 'thread'), ['athena']);
  });

  it('is whoever answers all of a channel, where nobody else is meant', async () => {
    assert.deepEqual(await takers(await ada.say('is anybody there?'), 'all'), ['athena', 'apollo']);
    const { id: rootId } = await ada.say('among us');
    assert.deepEqual(await takers(await bob.say('yes', { rootId }), 'all'), ['athena', 'apollo']);
    await ada.say('@apollo yes?', { rootId });
    assert.deepEqual(await takers(await bob.say('well?', { rootId }), 'all'), ['apollo']);
    assert.deepEqual(await takers(await ada.say('@bob lunch?'), 'all'), []);
  });
});
