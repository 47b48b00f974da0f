import assert from 'node:assert/strict';
import { GatewayFrame } from '#integrations/openclaw/protocol.ts';

describe('the frames of the gateway', () => {
  it('may leave out what is optional', () => {
    const frames = [
      { type: 'event', event: 'tick' },
      { type: 'res', id: '1', ok: true },
      { type: 'res', id: '2', ok: false, error: { code: 'UNAVAILABLE', message: 'rate limit' } },
    ];

    for (const frame of frames) assert.ok(GatewayFrame.safeParse(frame).success, JSON.stringify(frame));
  });
});
