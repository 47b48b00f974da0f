import assert from 'node:assert/strict';
import { ProtocolError } from '../src/errors.ts';
import { encodeFrame, type Frame, FrameSplitter, programs } from '../src/frame.ts';

const FRAMES: readonly Frame[] = [1, 2, 3].map((serial) => ({
  program: programs.remote,
  procedure: 23,
  type: 1,
  serial,
  status: 0,
  body: Buffer.alloc(serial * 4, serial),
}));

describe('frames', () => {
  it('come out whole, however the stream is cut', () => {
    const bytes = Buffer.concat(FRAMES.map(encodeFrame));
    for (let size = 1; size <= bytes.length; size += 1) {
      const splitter = new FrameSplitter();
      const frames: Frame[] = [];
      for (let at = 0; at < bytes.length; at += size)
        frames.push(...splitter.push(bytes.subarray(at, at + size)));
      assert.deepEqual(frames, FRAMES, `in parts of ${size} bytes`);
    }
  });

  it('are refused where they are too short, too long or of another version', () => {
    const of = (length: number): Buffer => {
      const bytes = encodeFrame(FRAMES[0] as Frame);
      bytes.writeUInt32BE(length, 0);
      return bytes;
    };
    assert.throws(() => new FrameSplitter().push(of(27)), /27 bytes was announced/);
    assert.throws(() => new FrameSplitter().push(of(0xffffffff)), ProtocolError);
    const other = encodeFrame(FRAMES[0] as Frame);
    other.writeUInt32BE(2, 8);
    assert.throws(() => new FrameSplitter().push(other), /version 2/);
  });
});
