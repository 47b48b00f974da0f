import { ConnectionLost } from './errors.ts';
import { type Frame, frameStatus, frameTypes, programs } from './frame.ts';
import type { Link } from './link.ts';

const PING = 1;
const PONG = 2;
/** Pings in a row without anything heard after which the other side counts as gone. */
const MISSES = 3;

/** Whether this is of keepalive; a ping is answered. */
export function answerKeepalive(link: Link, { program, procedure }: Frame): boolean {
  if (program !== programs.keepalive) return false;
  if (procedure === PING) post(link, PONG);
  return true;
}

/**
 * Pings every `everyMs`, and ends the link when nothing was heard for three of those: a stopped daemon keeps its sockets open.
 * On a link that waits for somebody a little is read each time, since the daemon counts its own pings.
 */
export function keepAlive(link: Link, everyMs: number): void {
  let heardAt = link.heardAt;
  let misses = 0;
  const beat = (): void => {
    if (link.end) return;
    // Counted, and not by the clock: a process that was stopped itself has not read what has come.
    misses = link.heardAt === heardAt ? misses + 1 : 0;
    heardAt = link.heardAt;
    if (misses > MISSES) {
      const silentMs = Math.round(performance.now() - heardAt);
      link.close(new ConnectionLost(`libvirtd has not answered for ${silentMs} ms`));
      return;
    }
    post(link, PING);
    link.breathe();
    timer.refresh();
  };
  const timer = setTimeout(beat, everyMs);
  timer.unref();
  void link.ended.then(() => clearTimeout(timer));
}

function post(link: Link, procedure: number): void {
  link.post({
    program: programs.keepalive,
    procedure,
    type: frameTypes.message,
    serial: 0,
    status: frameStatus.ok,
  });
}
