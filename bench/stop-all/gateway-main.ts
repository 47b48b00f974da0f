import { renameSync, writeFileSync } from 'node:fs';
import { startFakeGateway } from '#test/fake-gateway.ts';

/**
 * A gateway that wedges: it speaks OpenClaw's protocol, begins a turn, and from then on answers nothing, though its
 * connections stay open. Its turn ends with its process. What it is told: its port, its token, and the folder where it writes its process id
 * and, once it has begun one, that of the turn.
 */
const [port = '0', token = '', dir = '.'] = process.argv.slice(2);

let isWedged = false;
await startFakeGateway({
  port: Number(port),
  token,
  answer(method, { sessionKey }) {
    if (isWedged) return undefined;
    if (method === 'agent' && !String(sessionKey).includes('warmup')) {
      isWedged = true;
      write('turn');
    }
    if (method === 'sessions.abort') return { ok: true };
    if (method !== 'chat.history') return undefined;
    return {
      messages: [],
      sessionInfo: { hasActiveRun: false, status: 'done' },
      pendingInputs: { items: [] },
    };
  },
});
write('pid');

/** Whole or not at all: others read it while it is written. */
function write(name: string): void {
  writeFileSync(`${dir}/${name}.new`, String(process.pid));
  renameSync(`${dir}/${name}.new`, `${dir}/${name}`);
}
