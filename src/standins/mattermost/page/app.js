import { Client } from './client.js';
import { channelsOf, formatted, nameOf, threadsOf } from './render.js';

const byId = (id) => document.getElementById(id);
/** How much of a channel is shown. */
const POSTS = 100;
const KEPT_TOKEN = 'token';

/** A token in the address is never sent anywhere, and does not stay there. */
function tokenGiven() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    sessionStorage.setItem(KEPT_TOKEN, given);
    history.replaceState(undefined, '', location.pathname);
  }
  return sessionStorage.getItem(KEPT_TOKEN);
}

function say(text, isBad = false) {
  byId('state').textContent = text;
  byId('state').classList.toggle('bad', isBad);
}

function askForToken(why) {
  sessionStorage.removeItem(KEPT_TOKEN);
  say(why, true);
  byId('login').hidden = false;
  byId('login').onsubmit = (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEPT_TOKEN, byId('token').value.trim());
    byId('login').hidden = true;
    void start(sessionStorage.getItem(KEPT_TOKEN));
  };
}

async function start(token) {
  if (!token) return askForToken('nobody is logged in');
  const client = new Client(token);
  let me;
  try {
    me = await client.call('GET', '/users/me');
  } catch (error) {
    return askForToken(`not logged in: ${error.message}`);
  }
  const users = new Map([[me.id, me]]);
  const drafts = new Map();
  let channels = [];
  let current;

  const attempt = (work) => work().catch((error) => say(error.message, true));

  async function know(ids) {
    const unknown = [...new Set(ids)].filter((id) => !users.has(id));
    if (unknown.length === 0) return;
    for (const user of await client.call('POST', '/users/ids', unknown)) users.set(user.id, user);
  }

  /** What could not be sent stays where it was written. */
  async function post(channel, message, rootId, onSent) {
    await client.call('POST', '/posts', {
      channel_id: channel.id,
      message,
      root_id: rootId,
      pending_post_id: crypto.randomUUID(),
    });
    onSent();
    await look();
  }

  async function refresh() {
    channels = (await client.call('GET', '/users/me/channels')).sort(
      (a, b) => a.type.localeCompare(b.type) * -1 || a.name.localeCompare(b.name),
    );
    current =
      channels.find(({ id }) => id === current?.id) ??
      channels.find(({ name }) => name === 'town-square') ??
      channels[0];
    await know(channels.filter(({ type }) => type === 'D').flatMap(({ name }) => name.split('__')));
    byId('channels').replaceChildren(...channelsOf(channels, current, users, me.id, choose));
    if (!current) return say('this account is in no channel', true);
    const shown = current;
    const list = await client.call('GET', `/channels/${shown.id}/posts?per_page=${POSTS}`);
    const posts = Object.values(list.posts);
    await know(
      posts.flatMap(({ user_id, metadata }) => [
        user_id,
        ...(metadata?.reactions ?? []).map((each) => each.user_id),
      ]),
    );
    // Somebody may have gone on to another meanwhile, which is looked at next.
    if (shown.id !== current.id) return;
    byId('channel').textContent = nameOf(shown, users, me.id);
    show(shown, list);
  }

  /** Keeps where somebody reads and what they are writing. */
  function show(channel, list) {
    const threads = byId('threads');
    const atEnd = threads.scrollHeight - threads.scrollTop - threads.clientHeight < 40;
    const writing = document.activeElement?.dataset?.thread;
    threads.replaceChildren(
      ...threadsOf(list, users, {
        drafts,
        onReply: (rootId, message) => {
          attempt(() =>
            post(channel, message, rootId, () => drafts.get(rootId) === message && drafts.delete(rootId)),
          );
        },
        onClick: (postId, actionId) =>
          attempt(() => client.call('POST', `/posts/${postId}/actions/${actionId}`, {})),
      }),
    );
    if (writing) threads.querySelector(`[data-thread="${writing}"]`)?.focus();
    if (atEnd) threads.scrollTop = threads.scrollHeight;
  }

  /** What the server shows to this person alone, and keeps nowhere. */
  function tell(message) {
    byId('aside').replaceChildren('Only you see this: ', formatted(message));
    byId('aside').hidden = false;
  }

  function choose(channel) {
    current = channel;
    byId('aside').hidden = true;
    void look();
  }

  byId('composer').onsubmit = (event) => {
    event.preventDefault();
    const message = byId('message').value;
    if (message.trim() === '') return;
    const clear = () => {
      if (byId('message').value === message) byId('message').value = '';
    };
    attempt(() => post(current, message, '', clear));
  };
  byId('message').onkeydown = (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    byId('composer').requestSubmit();
  };
  byId('chat').hidden = false;

  // Several events at once are one look; what comes during a look is the next.
  let wanted = false;
  let looking = false;
  async function look() {
    wanted = true;
    if (looking) return;
    looking = true;
    while (wanted) {
      wanted = false;
      await attempt(refresh);
    }
    looking = false;
  }
  await look();
  client.listen({
    onEvent(event, data) {
      if (event === 'ephemeral_message') tell(JSON.parse(data.post).message);
      else if (event !== 'typing') void look();
    },
    onState: (connected) =>
      say(connected ? `${me.username} is here` : 'the connection is lost; connecting …', !connected),
  });
}

void start(tokenGiven());
