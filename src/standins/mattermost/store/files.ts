import { newMattermostId } from '../ids.ts';
import type { StoredFile } from '../model.ts';
import type { Tables } from './tables.ts';

/** Uploaded files and the one post each belongs to. */
export class FileStore {
  readonly #files: Map<string, StoredFile>;

  constructor(tables: Tables) {
    this.#files = tables.table('files');
  }

  add(file: Omit<StoredFile, 'id' | 'postId'>): StoredFile {
    const stored: StoredFile = { ...file, id: newMattermostId(), postId: '' };
    this.#files.set(stored.id, stored);
    return stored;
  }

  get(id: string): StoredFile | undefined {
    return this.#files.get(id);
  }

  ofPost(postId: string): StoredFile[] {
    return [...this.#files.values()].filter((file) => file.postId === postId);
  }

  /** Ties the files to the post. One that is used already or is somebody else's is left out in silence (recorded: 68). */
  attach(ids: readonly string[], postId: string, userId: string): string[] {
    return ids.filter((id) => {
      const file = this.#files.get(id);
      if (file?.postId !== '' || file.userId !== userId) return false;
      file.postId = postId;
      return true;
    });
  }
}
