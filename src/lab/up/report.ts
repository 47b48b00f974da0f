/** Told how a long piece of work gets on, in the order in which it does. */
export interface Report {
  /** A phase begins, and the one before it has ended well. */
  phase(name: string): void;
  /** What the phase is at, in a few words. */
  detail(text: string): void;
}
