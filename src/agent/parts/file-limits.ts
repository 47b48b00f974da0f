import type { FileInfo } from '#integrations/mattermost/posts.ts';

/** What an agent takes of the files that come with a message. */
export interface FileLimits {
  /** The most that one may have. */
  readonly bytes: number;
  /** Media types; `text/*` are all of its kind. */
  readonly types: readonly string[];
}

/** The limits of these settings: the types as one list, separated by commas. */
export function fileLimits(bytes: number, types: string): FileLimits {
  return { bytes, types: types.split(',').map((type) => type.trim().toLowerCase()) };
}

/** Why a file is not taken, as the server describes it; undefined for one that is. */
export function whyNotTaken({ size, mime_type }: FileInfo, { bytes, types }: FileLimits): string | undefined {
  if (size === 0) return 'it is empty';
  if (size > bytes) return `it has ${size} bytes, and I take ${bytes} at most`;
  const [type = ''] = mime_type.toLowerCase().split(';');
  const [kind = ''] = type.trim().split('/');
  const isTaken = types.includes(type.trim()) || types.includes(`${kind}/*`);
  return isTaken ? undefined : `I do not take files of the type ${type.trim().slice(0, 80) || 'unknown'}`;
}
