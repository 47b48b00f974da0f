/** Codes of libvirt's errors (`virErrorNumber`) that callers decide on. */
export const errorCodes = {
  noSupport: 3,
  invalidArgument: 8,
  noDomain: 42,
  noNetwork: 43,
  noStoragePool: 49,
  noStorageVolume: 50,
  operationInvalid: 55,
  noDomainSnapshot: 72,
  agentUnresponsive: 86,
} as const;

/** The daemon refused a call: what it said, with its own numbers. */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError';
  /** `virErrorNumber`: 42 no such domain, 55 not possible in this state, 86 the guest agent does not answer … */
  readonly code: number;
  /** `virErrorDomain`: the part of libvirt that it comes from. */
  readonly domain: number;
  /** 1 a warning, 2 an error. */
  readonly level: number;
  /** What was asked: `DOMAIN_CREATE_WITH_FLAGS`. */
  readonly procedure: string;

  constructor(said: {
    readonly code: number;
    readonly domain: number;
    readonly level: number;
    readonly message: string;
    readonly procedure: string;
  }) {
    super(said.message);
    this.code = said.code;
    this.domain = said.domain;
    this.level = said.level;
    this.procedure = said.procedure;
  }
}

/** The connection has ended; whether a call that was under way took effect is not known. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** What came is not the protocol: the connection is closed with it. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** A call took longer than it may. It may still take effect. */
export class CallTimeout extends Error {
  override readonly name = 'CallTimeout';
}
