import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createServer, type Server } from 'node:tls';
import { MattermostRest } from '#integrations/mattermost/rest.ts';
import { createMattermostStandin, type MattermostStandin } from '../../src/standins/mattermost/server.ts';
import { makeCa } from './certificates.ts';

/** Who is on the chat server outside. */
const SEED = {
  team: { name: 'work' },
  users: [{ username: 'ada', token: 'token-of-ada' }],
  bots: [
    { username: 'athena', token: 'token-of-athena' },
    { username: 'apollo', token: 'token-of-apollo' },
  ],
  channels: [],
};

/** A file of --chat-tokens that fits it. */
export const TOKENS = `team: work
person: token-of-ada
athena: token-of-athena
apollo: token-of-apollo
`;

/** The chat server of a company, which knows nothing of any lab. */
export function chatOutside(port = 0): Promise<MattermostStandin> {
  return createMattermostStandin({ seed: SEED, port });
}

/** The same server behind TLS, with a certificate of an authority of the company's own. */
export async function behindTls(
  url: string,
  dir: string,
): Promise<{ server: Server; url: string; caFile: string }> {
  const ca = await makeCa(dir, 'company');
  const { certFile, keyFile } = await ca.issue('chat', 'IP:127.0.0.1');
  const { port } = new URL(url);
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (socket) => {
    const far = createConnection({ host: '127.0.0.1', port: Number(port) });
    pipeline(socket, far).catch(() => far.destroy());
    pipeline(far, socket).catch(() => socket.destroy());
  });
  // Who does not trust it ends the connection.
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('it listens nowhere');
  return { server, url: `https://127.0.0.1:${address.port}`, caFile: path.resolve(ca.file) };
}

/** Something that the person says there, where everybody hears it. */
export async function sayAsAda(url: string, message: string): Promise<{ channelId: string }> {
  const { signal } = new AbortController();
  const ada = new MattermostRest(url, 'token-of-ada');
  const channelId = (await ada.channelNamed('work', 'town-square', signal))?.id ?? '';
  await ada.post({ channelId, rootId: '', message, marks: { marker: `said: ${message}`, depth: 0 } }, signal);
  return { channelId };
}
