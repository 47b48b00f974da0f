/**
 * Cuts a text into posts of at most `limit` characters (code points), at a paragraph, line or word where one is
 * near. A code block that is cut is closed and opened again. Nothing of the text is lost.
 */
export function splitMessage(text: string, limit: number): string[] {
  const parts: string[] = [];
  let rest = Array.from(text);
  let fence = '';
  while (rest.length + fence.length > limit) {
    // Room for the fence that reopens the block, and the one that closes it.
    const room = limit - fence.length - 4;
    const cut = cutAt(rest, room);
    const body = fence + rest.slice(0, cut).join('');
    const open = openFence(body);
    parts.push(open ? `${body.trimEnd()}\n\`\`\`` : body.trimEnd());
    rest = rest.slice(cut);
    fence = open ? `${open}\n` : '';
  }
  const last = fence + rest.join('');
  if (last.trim() !== '' || parts.length === 0) parts.push(last);
  return parts;
}

function cutAt(characters: readonly string[], room: number): number {
  const window = characters.slice(0, room).join('');
  for (const border of ['\n\n', '\n', ' ']) {
    const at = window.lastIndexOf(border);
    if (at > window.length / 2) return Array.from(window.slice(0, at + border.length)).length;
  }
  return room;
}

/** The opening line of the code block that `text` leaves open, or an empty string. */
function openFence(text: string): string {
  let open = '';
  for (const line of text.split('\n')) {
    if (!line.startsWith('```')) continue;
    open = open ? '' : line;
  }
  return open;
}
