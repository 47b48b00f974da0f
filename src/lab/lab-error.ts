/** The lab could not do something: what happened, and in `remedy` what to do about it, both in sentences. */
export class LabError extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LabError';
    this.remedy = remedy;
  }
}
