/** Another process listens where we want to: the message names the port and the variable to change. */
export class PortInUseError extends Error {
  constructor(port: number, variable: string) {
    super(`port ${port} is in use by another process: end that one, or set ${variable} to a free port`);
    this.name = 'PortInUseError';
  }
}
