/** Something that does a task from beginning to end; it resolves when whoever asked may know that it is done. */
export interface BusPeer extends AsyncDisposable {
  task(index: number): Promise<void>;
}
