/** The server this stand-in speaks for. */
export const SERVER_VERSION = '11.0.3';

/** The build string of X-Version-Id and of the hello event, in the recorded form: version.number.hash.licence. */
export const SERVER_BUILD = `${SERVER_VERSION}.standin.cfed54c8f991d58877c786ab628e6bb9aaf201db050aa0d97223dbf13349358a.false`;
