import assert from 'node:assert/strict';
import { fileRefusal, refusal } from '#integrations/mattermost/refusal.ts';

const PAGE = '<html><h1>413 Request Entity Too Large</h1></html>';

describe('what a proxy in front of the chat server says', () => {
  it('is worth another try, but of files that it will not let through', () => {
    for (const status of [403, 413, 502])
      assert.equal(refusal('GET /x', status, PAGE).code, 'chat_unavailable');
    for (const status of [403, 413])
      assert.equal(fileRefusal('POST /files', status, PAGE).code, 'chat_refused');
    for (const status of [404, 429, 502])
      assert.equal(fileRefusal('POST /files', status, PAGE).code, 'chat_unavailable');
    assert.equal(fileRefusal('POST /files', 401, PAGE).code, 'chat_unauthorized');
  });
});
