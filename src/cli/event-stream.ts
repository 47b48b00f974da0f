import { AuditView } from '#core/api.ts';

/** One change, with its place among all of them. */
export interface StreamedEvent {
  readonly id: string;
  readonly change: AuditView;
}

/**
 * The events of a server-sent stream, as they come. Lines of other kinds are left out; an event that is cut off in the
 * middle never comes. Source: WHATWG HTML, section 9.2.6.
 */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamedEvent> {
  const decoder = new TextDecoder();
  let buffered = '';
  for await (const chunk of body) {
    buffered += decoder.decode(chunk, { stream: true });
    const blocks = buffered.split('\n\n');
    buffered = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
      const change = AuditView.safeParse(parseJson(fields.get('data') ?? ''));
      if (change.success) yield { id: fields.get('id') ?? '', change: change.data };
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
