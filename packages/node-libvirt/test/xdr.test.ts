import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { ProtocolError } from '../src/errors.ts';
import { readError } from '../src/remote-error.ts';
import { readDomain, readParameter, writeDomain, writeNamed } from '../src/values.ts';
import { XdrReader, XdrWriter } from '../src/xdr.ts';

describe('XDR', () => {
  it('comes back as it was written, each value a multiple of four bytes', () => {
    const writer = new XdrWriter();
    writer
      .u32(4_294_967_295)
      .i32(-1)
      .u64(2n ** 64n - 1n)
      .string('ä')
      .string('')
      .fixed(Buffer.from('abcde'));
    writer.optional(undefined, () => undefined).optional('x', (each, value) => each.string(value));
    writer.array(['a', 'bc'], (each, value) => each.string(value));
    const bytes = writer.bytes();
    assert.equal(bytes.length % 4, 0);

    const reader = new XdrReader(bytes);
    assert.equal(reader.u32(), 4_294_967_295);
    assert.equal(reader.i32(), -1);
    assert.equal(reader.u64(), 2n ** 64n - 1n);
    assert.deepEqual([reader.string(), reader.string()], ['ä', '']);
    assert.equal(reader.fixed(5).toString(), 'abcde');
    const text = (each: XdrReader): string => each.string();
    assert.deepEqual([reader.optional(text), reader.optional(text)], [undefined, 'x']);
    assert.deepEqual(reader.array(text), ['a', 'bc']);
    reader.end();
  });

  it('has a domain by its name, its sixteen bytes and its id', () => {
    const domain = { name: 'athena', uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f', id: 7 };
    const writer = new XdrWriter();
    writeDomain(writer, domain);
    const bytes = writer.bytes();
    assert.equal(bytes.length, 4 + 8 + 16 + 4);
    assert.deepEqual(readDomain(new XdrReader(bytes)), domain);

    const off = new XdrWriter();
    writeDomain(off, { name: 'a', uuid: domain.uuid });
    assert.deepEqual(readDomain(new XdrReader(off.bytes())), { name: 'a', uuid: domain.uuid });
    assert.throws(() => writeNamed(new XdrWriter(), { name: 'a', uuid: 'not-one' }), /not-one is not a UUID/);
  });

  it('has parameters of every type', () => {
    const head = (type: number): XdrWriter => new XdrWriter().string('p').i32(type);
    const read = (writer: XdrWriter): unknown => readParameter(new XdrReader(writer.bytes()))[1];
    assert.equal(read(head(1).i32(-5)), -5);
    assert.equal(read(head(2).u32(5)), 5);
    assert.equal(read(head(3).u64(2n ** 64n - 1n)), -1n);
    assert.equal(read(head(4).u64(2n ** 63n)), 2n ** 63n);
    assert.equal(read(head(6).i32(1)), true);
    assert.equal(read(head(7).string('x')), 'x');
    assert.throws(() => read(head(8).i32(1)), ProtocolError);
  });

  it('is refused where it announces more than there is, or than there may be', () => {
    const announced = (count: number): XdrReader => new XdrReader(new XdrWriter().u32(count).bytes());
    assert.throws(() => announced(1).string(), ProtocolError);
    assert.throws(() => announced(0xffffffff).string(), /4294967295 bytes was announced/);
    assert.throws(
      () => announced(0xffffffff).array((each) => each.u32()),
      /4294967295 elements was announced/,
    );
    assert.throws(() => announced(2).optional((each) => each.u32()), ProtocolError);
    assert.throws(() => announced(1).end(), /4 bytes are left over/);
  });

  it('of random bytes is read as something or refused, never anything else', () => {
    for (let round = 0; round < 20_000; round += 1) {
      const bytes = randomBytes(round % 200);
      for (const read of [readDomain, readParameter, (reader: XdrReader) => readError(reader, 'X')]) {
        try {
          read(new XdrReader(bytes));
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }
    }
  });
});
