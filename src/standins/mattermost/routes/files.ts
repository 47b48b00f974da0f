import { canPost, canRead } from '../actions/permissions.ts';
import { badBodyParam, badUrlParam, fileNotFound, forbidden } from '../errors.ts';
import { type Route, route, type UserCall } from '../http.ts';
import { isMattermostId } from '../ids.ts';
import type { StoredFile } from '../model.ts';
import { renderFile } from '../render.ts';
import type { World } from '../world.ts';

const TYPES: Readonly<Record<string, string>> = {
  log: 'text/x-log; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  json: 'application/json',
  diff: 'text/x-diff; charset=utf-8',
  patch: 'text/x-diff; charset=utf-8',
  png: 'image/png',
};

/** Files: uploaded as multipart or as a raw body, read back by those who see the channel (facts §3.5). */
export function fileRoutes(world: World): Route[] {
  const { store } = world;
  return [
    route('POST', '/files', async (call) => {
      const upload = await readUpload(call);
      if (!isMattermostId(upload.channelId)) throw badUrlParam('channel_id');
      if (!canPost(store, call.user, upload.channelId)) throw forbidden();
      const stored = upload.files.map((file) =>
        store.files.add({
          userId: call.user.id,
          channelId: upload.channelId,
          createAt: world.clock.now(),
          name: file.name,
          mimeType: typeOf(file.name),
          content: file.content,
        }),
      );
      return { status: 201, body: { file_infos: stored.map(renderFile), client_ids: upload.clientIds } };
    }),
    route('GET', '/files/:file_id(^[A-Za-z0-9]+$)', (call) => {
      const file = readableFile(world, call);
      // As a part of a path, in both: a header takes no other letters.
      const name = encodeURIComponent(file.name);
      return {
        headers: {
          'content-type': file.mimeType,
          'content-disposition': `attachment;filename="${name}"; filename*=UTF-8''${name}`,
        },
        body: file.content,
      };
    }),
    route('GET', '/files/:file_id(^[A-Za-z0-9]+$)/info', (call) => ({
      body: renderFile(readableFile(world, call)),
    })),
  ];
}

interface Upload {
  readonly channelId: string;
  readonly files: readonly { readonly name: string; readonly content: Buffer }[];
  readonly clientIds: readonly string[];
}

async function readUpload(call: UserCall): Promise<Upload> {
  const type = call.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/form-data')) {
    const name = call.query.get('filename') ?? '';
    if (name === '') throw badBodyParam('filename');
    return {
      channelId: call.query.get('channel_id') ?? '',
      files: [{ name, content: call.body }],
      clientIds: call.query.getAll('client_id'),
    };
  }
  const form = await new Response(new Uint8Array(call.body), { headers: { 'content-type': type } })
    .formData()
    .catch(() => {
      throw badBodyParam('multipart');
    });
  const files = await Promise.all(
    form
      .getAll('files')
      .filter((entry) => typeof entry !== 'string')
      .map(async (entry) => ({ name: entry.name, content: Buffer.from(await entry.arrayBuffer()) })),
  );
  return {
    channelId: String(form.get('channel_id') ?? call.query.get('channel_id') ?? ''),
    files,
    clientIds: form.getAll('client_ids').map(String),
  };
}

function readableFile(world: World, call: UserCall): StoredFile {
  const file = world.store.files.get(call.params['file_id'] ?? '');
  if (!file) throw fileNotFound();
  if (file.userId !== call.user.id && !canRead(world.store, call.user, file.channelId)) throw forbidden();
  return file;
}

function typeOf(name: string): string {
  return TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
}
