const FENCED = /(^|\n)(```|~~~)[\s\S]*?(\n\2|$)/g;
const INLINE = /(`+)(?!`)[\s\S]*?\1/g;
const NAME = /(?<![\p{L}\p{N}@._-])@([a-z0-9][a-z0-9._-]*)/giu;

/** Words after an @ that mean many people, not one. */
const GROUPS = new Set(['all', 'channel', 'here']);

/** The account names mentioned outside code, lower case, in order, each once. Punctuation at their end is not theirs. */
export function mentionedNames(message: string): string[] {
  const prose = message.replaceAll(FENCED, ' ').replaceAll(INLINE, ' ');
  const names = [...prose.matchAll(NAME)].map((match) =>
    (match[1] ?? '').toLowerCase().replace(/[._-]+$/, ''),
  );
  return [...new Set(names)].filter((name) => name !== '' && !GROUPS.has(name));
}

/** The message without the leading mentions of `name`. */
export function withoutMention(message: string, name: string): string {
  const leading = new RegExp(`^(\\s*@${name.replaceAll(/[.]/g, '\\.')}[,:;]?(?=\\s|$))+`, 'i');
  return message.replace(leading, '').trim();
}
