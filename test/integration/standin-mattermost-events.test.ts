import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { systemClock } from '#lib/clock.ts';
import { readRecording, type TranscriptStep, Translator } from '#test/mattermost/compare.ts';
import { waitFor } from '#test/wait.ts';
import { createMattermostStandin, type MattermostStandin } from '../../src/standins/mattermost/server.ts';

type Frame = Readonly<Record<string, unknown>>;

/** One step of the recording: what was done and what the bot zeus then heard. */
interface Step {
  readonly name: string;
  readonly sent: Frame[];
  readonly heard: Frame[];
}

const SEED = {
  team: { name: 'olympus', displayName: 'Olympus' },
  users: [
    { username: 'admin', roles: 'system_admin system_user', token: 'token-of-admin' },
    { username: 'human', token: 'token-of-human', email: 'human@olympus.test' },
  ],
  bots: [
    { username: 'zeus', token: 'token-of-zeus', email: 'zeus@bots.olympus.test' },
    {
      username: 'hermes',
      token: 'token-of-hermes',
      owner: 'admin',
      displayName: 'Hermes',
      description: 'agent hermes',
    },
  ],
  channels: [{ name: 'agents', displayName: 'Agents' }],
};

describe('Mattermost stand-in events against the recorded 11.0.3', () => {
  const { steps } = readRecording<{ steps: TranscriptStep[] }>('websocket-11.0.3.json');
  const translator = new Translator();
  const heard: Frame[] = [];
  let standin: MattermostStandin;
  let socket: WebSocket;
  let hasFailed = false;

  before(async () => {
    let now = Date.now();
    const clock = { now: () => ++now, sleep: systemClock.sleep };
    standin = await createMattermostStandin({ seed: SEED, clock });
    const { users, teams, channels } = standin.seeded ?? assert.fail('seeded');
    const known: [recorded: string, ours: string | undefined][] = [
      ['73aggh9q9tdtddkcnwyuknrchr', users['zeus']?.id],
      ['unjuss5967fwzf9zrdgcqdoozr', users['hermes']?.id],
      ['zg1sthwu57gtze4pha86hi3g6r', users['human']?.id],
      ['d6pa3ot3hpyyxexe4fnpxp5d8w', users['admin']?.id],
      ['7z8dwe58jpb9jf16r1snxxm4tw', teams['olympus']],
      ['bm3jdpxampy1igoxrt6xbu6ope', channels['agents']],
    ];
    for (const [recorded, ours] of known) translator.learn(recorded, ours ?? assert.fail(recorded));
    await recreateHistory();
    socket = new WebSocket(`${standin.url.replace('http', 'ws')}/api/v4/websocket`);
    socket.on('message', (data) => heard.push(JSON.parse(String(data))));
    await waitFor('the socket to open', () => socket.readyState === WebSocket.OPEN);
  });

  after(async () => {
    socket.terminate();
    await standin.close();
  });

  for (const step of stepsOf(steps)) {
    const expected = step.heard.map(kindOf).join(', ') || 'nothing';
    it(`after "${step.name}" sends ${expected}, as recorded`, async () => {
      assert.ok(!hasFailed, 'an earlier step failed');
      hasFailed = true;
      const before = heard.length;
      for (const frame of step.sent)
        socket.send(translator.translate(JSON.stringify(frame)).replace('<token>', 'token-of-zeus'));
      await perform(step);

      await waitFor('the recorded number of frames', () => heard.length >= before + step.heard.length);
      if (step.sent.length === 0) await flush();
      const fresh = heard.slice(before).filter((frame) => frame['seq_reply'] !== FLUSH_SEQ);

      assert.deepEqual(fresh.map(kindOf), step.heard.map(kindOf));
      for (const [index, frame] of step.heard.entries()) {
        translator.same(fresh[index], frame, `${step.name}, frame ${index}`);
      }
      hasFailed = false;
    });
  }

  /** A ping that comes back: whatever the server had to say before, it has said. */
  async function flush(): Promise<void> {
    const before = heard.length;
    socket.send(JSON.stringify({ seq: FLUSH_SEQ, action: 'ping' }));
    await waitFor('the ping to come back', () =>
      heard.slice(before).some((frame) => frame['seq_reply'] === FLUSH_SEQ),
    );
  }

  async function recreateHistory(): Promise<void> {
    const ids = (names: readonly string[]) => names.map((name) => standin.seeded?.users[name]?.id ?? '');
    const status = (who: string, name: string) =>
      api(who, 'PUT', '/users/me/status', { user_id: standin.seeded?.users[who]?.id, status: name });
    await status('zeus', 'online');
    await api('zeus', 'PUT', '/users/me/status/custom', { emoji: 'hammer', text: 'building' });
    await status('human', 'away');
    const direct = await api('zeus', 'POST', '/channels/direct', ids(['zeus', 'human']));
    const group = await api('human', 'POST', '/channels/group', ids(['zeus', 'human', 'hermes']));
    translator.learn('3f1ojf9ag3yy9m8w1rru3m9hyy', String(direct['id']));
    translator.learn('yaet1ajdg7b7dqca6xgdgmktyh', String(group['id']));
  }

  /** Does what the step's name says, with the texts and places of the recorded posts. */
  async function perform(step: Step): Promise<void> {
    const [first] = step.heard;
    const post = first && postOf(first);
    switch (step.name) {
      case 'hello':
      case 'human status away':
      case 'token revoked':
        return;
      case 'edit adds mention': {
        const made = await write('human', post);
        await api('human', 'PUT', `/posts/${made}/patch`, { message: 'now @zeus' });
        return;
      }
      case 'zeus patches':
        await api('zeus', 'PUT', `/posts/${translator.translate(String(post?.['id']))}/patch`, {
          message: post?.['message'],
        });
        return;
      case 'human reacts':
        await api('human', 'POST', '/reactions', {
          user_id: standin.seeded?.users['human']?.id,
          post_id: translator.translate('rickz66zebb3bp3ih76kkeg4fw'),
          emoji_name: '+1',
        });
        return;
      case 'human unreacts':
        await api(
          'human',
          'DELETE',
          translator.translate('/users/me/posts/rickz66zebb3bp3ih76kkeg4fw/reactions/+1'),
        );
        return;
      case 'zeus deletes':
        await api('zeus', 'DELETE', translator.translate('/posts/rickz66zebb3bp3ih76kkeg4fw'));
        return;
      case 'human types':
        await api(
          'human',
          'POST',
          '/users/me/typing',
          translator.translateValue({
            channel_id: 'bm3jdpxampy1igoxrt6xbu6ope',
            parent_id: 'wbe6ubtx63ffi8zgu56mky4ihy',
          }),
        );
        return;
      case 'post w file': {
        const channel = translator.translate('bm3jdpxampy1igoxrt6xbu6ope');
        const upload = await api('human', 'POST', `/files?channel_id=${channel}&filename=a.txt`, 'x');
        const [file] = upload['file_infos'] as { id: string }[];
        await write('human', post, [file?.id ?? '']);
        return;
      }
      case 'added to new channel': {
        const channel = await api('human', 'POST', '/channels', {
          team_id: standin.seeded?.teams['olympus'],
          name: 'nc-1795191391477',
          display_name: 'NC',
          type: 'O',
        });
        translator.learn('ke99g4rcr7ykfmrs4fd7sziq3e', String(channel['id']));
        await api('human', 'POST', `/channels/${channel['id']}/members`, {
          user_id: standin.seeded?.users['zeus']?.id,
        });
        return;
      }
      case 'removed from channel':
        await api(
          'admin',
          'DELETE',
          translator.translate('/channels/ke99g4rcr7ykfmrs4fd7sziq3e/members/73aggh9q9tdtddkcnwyuknrchr'),
        );
        return;
      case 'ephemeral to zeus by admin':
        await api('admin', 'POST', '/posts/ephemeral', {
          user_id: standin.seeded?.users['zeus']?.id,
          post: { channel_id: standin.seeded?.channels['agents'], message: 'only you' },
        });
        return;
      default:
        await write(String(first && dataOf(first)['sender_name']).slice(1), post);
    }
  }

  async function write(author: string, post: Frame | undefined, fileIds: string[] = []): Promise<string> {
    assert.ok(post, 'the step has a recorded post');
    const made = await api(author, 'POST', '/posts', {
      channel_id: translator.translate(String(post['channel_id'])),
      message: post['message'],
      root_id: translator.translate(String(post['root_id'])),
      file_ids: fileIds,
    });
    return String(made['id']);
  }

  async function api(who: string, method: string, path: string, body?: unknown): Promise<Frame> {
    const response = await fetch(`${standin.url}/api/v4${path}`, {
      method,
      headers: { authorization: `Bearer token-of-${who}` },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const answer = (await response.json()) as Frame;
    assert.ok(response.ok, `${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  }
});

const FLUSH_SEQ = 9999;

/** The transcript cut at its step marks; what comes before the first one is the hello. */
function stepsOf(transcript: readonly TranscriptStep[]): Step[] {
  const found: Step[] = [{ name: 'hello', sent: [], heard: [] }];
  for (const line of transcript) {
    // From here the recording made new connections, noted in words: the client tests promise those.
    if ('step' in line && line.step === 'token revoked') break;
    if ('step' in line) found.push({ name: line.step, sent: [], heard: [] });
    else if ('frame' in line) found.at(-1)?.[line.dir === 'client' ? 'sent' : 'heard'].push(line.frame);
  }
  return found;
}

function kindOf(frame: Frame): string {
  return String(frame['event'] ?? `reply ${frame['seq_reply']} ${frame['status']}`);
}

function dataOf(frame: Frame): Frame {
  return (frame['data'] ?? {}) as Frame;
}

function postOf(frame: Frame): Frame | undefined {
  const post = dataOf(frame)['post'];
  return typeof post === 'string' ? (JSON.parse(post) as Frame) : undefined;
}
