/** A tool that could not be fetched or unpacked: the message says what was tried and what to do about it. */
export class ToolError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ToolError';
  }
}

/** Told, in one short sentence each, what a slow step is doing. */
export type OnProgress = (sentence: string) => void;
