/** The emoji that agents show their work with; others are shown by name. */
const EMOJI = {
  eyes: '👀',
  hourglass_flowing_sand: '⏳',
  hammer_and_wrench: '🛠️',
  white_check_mark: '✅',
  x: '❌',
  '+1': '👍',
  '-1': '👎',
};

/** An element with its content. Whatever people and agents wrote becomes text, never markup. */
function element(name, { className, ...properties } = {}, ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  Object.assign(made, properties);
  made.append(...content);
  return made;
}

/** Code blocks, code and bold of Markdown; everything else as it was written. */
export function formatted(message) {
  const parts = message.split(/(```[\s\S]*?(?:```|$)|`[^`\n]+`|\*\*[^*\n]+\*\*)/);
  const nodes = parts.filter(Boolean).map((part) => {
    if (part.startsWith('```'))
      return element('pre', {}, part.replace(/^```[^\n]*\n?/, '').replace(/\n?```$/, ''));
    if (part.startsWith('**')) return element('strong', {}, part.slice(2, -2));
    if (part.startsWith('`') && part.length > 2) return element('code', {}, part.slice(1, -1));
    return part;
  });
  return element('div', { className: 'text' }, ...nodes);
}

/** A post with who wrote it, when, its buttons and its reactions. */
function postOf(post, users, onClick) {
  const author = users.get(post.user_id);
  const head = element(
    'div',
    {},
    element('span', { className: author?.is_bot ? 'by bot' : 'by' }, author?.username ?? 'somebody'),
    element('time', { className: 'at' }, new Date(post.create_at).toLocaleTimeString()),
  );
  const counts = Map.groupBy(post.metadata?.reactions ?? [], ({ emoji_name }) => emoji_name);
  for (const [name, those] of counts) {
    const title = `${name}: ${those.map(({ user_id }) => users.get(user_id)?.username).join(', ')}`;
    head.append(
      element('span', { className: 'reaction', title }, `${EMOJI[name] ?? `:${name}:`} ${those.length}`),
    );
  }
  const actions = (post.props?.attachments ?? []).flatMap((attachment) => attachment.actions ?? []);
  const buttons = actions.map(({ id, name, style }) =>
    element('button', { type: 'button', className: style ?? '', onclick: () => onClick(post.id, id) }, name),
  );
  return element('div', { className: 'post' }, head, formatted(post.message), ...buttons);
}

/** The threads of a list of posts, the one that was written to last at the end. */
export function threadsOf(list, users, { onReply, onClick, drafts }) {
  const posts = Object.values(list.posts)
    .filter(({ delete_at, type, original_id }) => !delete_at && !type && !original_id)
    .sort((a, b) => a.create_at - b.create_at);
  const threads = [...Map.groupBy(posts, ({ id, root_id }) => root_id || id)];
  threads.sort(([, a], [, b]) => a.at(-1).create_at - b.at(-1).create_at);
  return threads.map(([rootId, those]) => {
    const input = element('input', {
      value: drafts.get(rootId) ?? '',
      placeholder: 'Reply',
      maxLength: 16_383,
      oninput: () => drafts.set(rootId, input.value),
    });
    input.setAttribute('aria-label', 'Reply');
    input.dataset.thread = rootId;
    const onsubmit = (event) => {
      event.preventDefault();
      if (input.value.trim() !== '') onReply(rootId, input.value);
    };
    const form = element('form', { className: 'reply', onsubmit }, input);
    const shown = those.map((post) => postOf(post, users, onClick));
    return element('li', { className: 'thread' }, ...shown, form);
  });
}

/** The list of channels, the current one marked. */
export function channelsOf(channels, current, users, myId, onChoose) {
  return channels.map((channel) => {
    const button = element(
      'button',
      { type: 'button', onclick: () => onChoose(channel) },
      nameOf(channel, users, myId),
    );
    if (channel.id === current?.id) button.setAttribute('aria-current', 'true');
    return element('li', {}, button);
  });
}

/** What a channel is called; a direct one by who else is in it. */
export function nameOf(channel, users, myId) {
  if (channel.type !== 'D') return `# ${channel.display_name}`;
  const other = channel.name.split('__').find((id) => id !== myId) ?? myId;
  return `@ ${users.get(other)?.username ?? 'somebody'}`;
}
