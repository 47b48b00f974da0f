/**
 * An ISO 9660 file system (ECMA-119, 3rd edition) of a few small files in one folder, made in memory: a seed
 * holds a host key, which so is in no file here, and no program is started for it.
 *
 * The files stand in it once, under two names: as ISO 9660 has them, and as Joliet does (the same descriptors
 * with UCS-2 names), which is what keeps names like `network-config` as they are.
 */

const SECTOR = 2048;
const SYSTEM_AREA = 16;
/** Where a path table and a folder of ISO 9660 lie, and those of Joliet; then the files. */
const PRIMARY = { lTable: 19, mTable: 20, folder: 23 };
const JOLIET = { lTable: 21, mTable: 22, folder: 24 };
const FIRST_FILE = 25;
const PATH_TABLE_BYTES = 10;
/** Nothing in the image depends on when it was made: 1 January 1970 (9.1.5). */
const RECORDED_AT = [70, 1, 1, 0, 0, 0, 0];

/** How one of the two trees writes its texts. */
interface Tree {
  readonly type: number;
  readonly at: typeof PRIMARY;
  readonly escapes: string;
  readonly text: (text: string) => Buffer;
  readonly fileName: (name: string) => string;
}

const TREES: readonly Tree[] = [
  {
    type: 1,
    at: PRIMARY,
    escapes: '',
    text: (text) => Buffer.from(text, 'latin1'),
    fileName: (name) => `${name.toUpperCase()}${name.includes('.') ? '' : '.'};1`,
  },
  // The escape sequence says UCS-2, level 3 (Joliet specification, section "Escape Sequences").
  { type: 2, at: JOLIET, escapes: '%/E', text: ucs2, fileName: (name) => `${name};1` },
];

interface Extent {
  readonly sector: number;
  readonly bytes: number;
}

/**
 * The bytes of an image with the given files, found by its label; the same files give the same bytes.
 * Throws a RangeError for names or labels that its fields cannot hold.
 *
 * @param label at most 16 ASCII characters.
 * @param files content by name; all names together must fit one sector, some 30 of usual length.
 */
export function isoImage(label: string, files: Readonly<Record<string, string>>): Buffer {
  const names = Object.keys(files).sort();
  const contents = names.map((name) => Buffer.from(files[name] ?? ''));
  let end = FIRST_FILE;
  const extents = contents.map((content): Extent => {
    const sector = end;
    end += Math.ceil(content.length / SECTOR);
    return { sector, bytes: content.length };
  });
  const image = Buffer.alloc(end * SECTOR);
  TREES.forEach((tree, index) => {
    descriptor(tree, label, end).copy(image, (SYSTEM_AREA + index) * SECTOR);
    pathTable(tree.at.folder, false).copy(image, tree.at.lTable * SECTOR);
    pathTable(tree.at.folder, true).copy(image, tree.at.mTable * SECTOR);
    folder(tree, names, extents).copy(image, tree.at.folder * SECTOR);
  });
  Buffer.from('\xffCD001\x01', 'latin1').copy(image, (SYSTEM_AREA + TREES.length) * SECTOR);
  contents.forEach((content, index) => {
    content.copy(image, (extents[index]?.sector ?? end) * SECTOR);
  });
  return image;
}

/** A volume descriptor (8.4 primary, 8.5 supplementary). */
function descriptor(tree: Tree, label: string, sectors: number): Buffer {
  const volume = tree.text(label);
  if (volume.length > 32) throw new RangeError(`The label ${label} is longer than 16 characters.`);
  const bytes = Buffer.alloc(SECTOR);
  // System and volume (8-71), volume set to bibliography (190-812) are texts, filled with spaces.
  for (const [from, to] of [
    [8, 72],
    [190, 813],
  ] as const) {
    bytes.fill(tree.text(' '), from, to);
  }
  bytes[0] = tree.type;
  bytes.write('CD001\x01', 1, 'latin1');
  volume.copy(bytes, 40);
  bothEndian32(bytes, 80, sectors);
  bytes.write(tree.escapes, 88, 'latin1');
  bothEndian16(bytes, 120, 1);
  bothEndian16(bytes, 124, 1);
  bothEndian16(bytes, 128, SECTOR);
  bothEndian32(bytes, 132, PATH_TABLE_BYTES);
  bytes.writeUInt32LE(tree.at.lTable, 140);
  bytes.writeUInt32BE(tree.at.mTable, 148);
  record(Buffer.of(0), { sector: tree.at.folder, bytes: SECTOR }, true).copy(bytes, 156);
  // Created, changed, expires, effective: not said, which is sixteen zeros as digits and a zero byte (8.4.26.1).
  for (const at of [813, 830, 847, 864]) bytes.write(`${'0'.repeat(16)}\0`, at, 'latin1');
  bytes[881] = 1;
  return bytes;
}

/** The path table of a tree that has one folder, its root (9.4). */
function pathTable(root: number, bigEndian: boolean): Buffer {
  const bytes = Buffer.alloc(PATH_TABLE_BYTES);
  bytes[0] = 1;
  if (bigEndian) {
    bytes.writeUInt32BE(root, 2);
    bytes.writeUInt16BE(1, 6);
  } else {
    bytes.writeUInt32LE(root, 2);
    bytes.writeUInt16LE(1, 6);
  }
  return bytes;
}

/** The root folder: itself, its parent, which is itself too, and the files. */
function folder(tree: Tree, names: readonly string[], extents: readonly Extent[]): Buffer {
  const self = { sector: tree.at.folder, bytes: SECTOR };
  const records = [record(Buffer.of(0), self, true), record(Buffer.of(1), self, true)];
  names.forEach((name, index) => {
    const extent = extents[index];
    if (extent) records.push(record(tree.text(tree.fileName(name)), extent, false));
  });
  const bytes = Buffer.concat(records);
  if (bytes.length > SECTOR) throw new RangeError(`${names.length} files are too many for one sector.`);
  return bytes;
}

/** A directory record (9.1); its length is even. */
function record(name: Buffer, extent: Extent, isFolder: boolean): Buffer {
  const bytes = Buffer.alloc(33 + name.length + ((name.length + 1) % 2));
  bytes[0] = bytes.length;
  bothEndian32(bytes, 2, extent.sector);
  bothEndian32(bytes, 10, extent.bytes);
  bytes.set(RECORDED_AT, 18);
  bytes[25] = isFolder ? 2 : 0;
  bothEndian16(bytes, 28, 1);
  bytes[32] = name.length;
  name.copy(bytes, 33);
  return bytes;
}

function ucs2(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

function bothEndian16(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt16LE(value, at);
  bytes.writeUInt16BE(value, at + 2);
}

function bothEndian32(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value, at);
  bytes.writeUInt32BE(value, at + 4);
}
