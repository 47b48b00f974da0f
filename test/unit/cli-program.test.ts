import assert from 'node:assert/strict';
import { runCli } from '#test/cli-here.ts';
import { FAMILIES } from '../../src/cli/families.ts';

/** Runs a call that must end before it needs any server. */
const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runCli(args, { env, input: 'from a pipe\n' });

describe('the command line', () => {
  it('prints its version', async () => {
    assert.deepEqual(await run(['--version']), { code: 0, stdout: '1.2.3\n', stderr: '' });
  });

  const COMMANDS = [
    ...['say', 'status', 'doctor', 'task', 'task list', 'task show', 'agent', 'agent list'],
    ...['render', 'render gateway-config', 'render nats-config', 'release', 'release build'],
    ...['ssh', 'logs', 'dashboard'],
  ];
  for (const command of ['', ...COMMANDS]) {
    it(`has help with an example for ${command || 'everything'}`, async () => {
      const { code, stdout, stderr } = await run([...command.split(' ').filter(Boolean), '--help']);

      assert.equal(code, 0);
      assert.equal(stderr, '');
      assert.match(stdout, new RegExp(`^Usage: olympus ${command}`));
      assert.match(stdout, new RegExp(`\\$ olympus ${command}`));
    });
  }

  it('finds each command by the word that a call of it begins with', async () => {
    const { stdout } = await run(['--help']);
    const shown = [...stdout.matchAll(/^ {2}([a-z][a-z-]*) .*\S$/gm)].map(([, name]) => name);
    const words = FAMILIES.flatMap((family) => family.words);
    assert.deepEqual(shown, words);

    for (const word of words) {
      const help = await run([word, '--help']);
      assert.match(help.stdout, new RegExp(`^Usage: olympus ${word} `), help.stderr);
    }
  });

  it('shows the commands on standard error when none is given', async () => {
    const { code, stdout, stderr } = await run([]);

    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /Commands:/);
  });

  const WRONG: readonly [args: string[], sentence: RegExp][] = [
    [['stauts'], /^olympus: unknown command 'stauts'\. Did you mean status\? See olympus --help\.\n$/],
    [['task', 'lst'], /unknown command 'lst'\. Did you mean list\? See olympus task --help\./],
    [['task', 'list', '--limt', '3'], /unknown option '--limt'\. Did you mean --limit\?/],
    [['task', 'list', '--limit', '0'], /'0' is invalid\. Write a whole number from 1 to 500\./],
    [['task', 'list', '--limit', '501'], /Write a whole number from 1 to 500\./],
    [['task', 'list', '--state', 'done'], /Allowed choices are .*completed/],
    [['task', 'show'], /missing required argument 'id'\. See olympus task show --help\./],
    [
      ['lab', 'up', '--chat-tokens', 'a'],
      /is for a chat server outside of the lab\. Name that with --chat-url/,
    ],
    [['say'], /missing required argument 'message'/],
    [['say', '--timeout', 'soon', '@athena x'], /Write a number of seconds/],
    [['say', '--thread', 'a', '--channel', 'b', '@athena x'], /cannot be used with option '--channel/],
    [['logs', 'athena', '-n', '0'], /'0' is invalid\. Write a whole number from 1\./],
    [['logs', 'athena', '--gateway', '--unit', 'x'], /cannot be used with option '-u, --unit/],
    [['dashboard', 'athena', '--port', '65536'], /Write a whole number from 1 to 65535\./],
    [['dashboard'], /Whose dashboard\? .*Name an agent\./],
    [['ssh'], /missing required argument 'machine'/],
    [['say', ' '], /The message is empty\./],
    [['say', `@athena ${'x'.repeat(16_376)}`], /16,384 characters; a post holds at most 16,383/],
  ];
  for (const [args, sentence] of WRONG) {
    it(`refuses ${args.join(' ').slice(0, 60)}`, async () => {
      const { code, stdout, stderr } = await run(args);

      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, sentence);
    });
  }

  it('counts characters, not UTF-16 units, of a message', async () => {
    const { stderr } = await run(['say', `@athena ${'😀'.repeat(16_375)}`]);

    assert.match(stderr, /OLYMPUS_MATTERMOST_URL is not set/, 'it is not too long');
  });

  it('names every setting that is missing, and where a local fleet writes them', async () => {
    const { code, stderr } = await run(['agent', 'list']);

    assert.equal(code, 2);
    assert.match(stderr, /OLYMPUS_API_URL is not set: /);
    assert.match(stderr, /OLYMPUS_API_TOKEN is not set: /);
    assert.match(stderr, /npm run dev.*\/state\/\.env/);
  });

  it('diagnoses that there are no settings, a finding below the other', async () => {
    // An image in the cache would be tried with KVM, which takes its time.
    const { code, stdout } = await run(['doctor'], { OLYMPUS_CACHE_DIR: '/nowhere' });

    assert.equal(code, 1);
    assert.match(stdout, /^✗ control plane +OLYMPUS_API_URL .*\n( +)OLYMPUS_API_TOKEN .*\n\1→ Set them/m);
    assert.match(stdout, /not checked: .*hypervisors, machines, version, clock, .*chat team/);
  });

  it('says how to write a setting that is wrong', async () => {
    const { code, stderr } = await run(['status'], { OLYMPUS_API_URL: 'hub:8090', OLYMPUS_API_TOKEN: 't' });

    assert.equal(code, 2);
    assert.match(stderr, /OLYMPUS_API_URL=hub:8090: write .* http:\/\//);
  });

  it('refuses a message that mentions nobody before it needs Mattermost', async () => {
    const env = {
      OLYMPUS_MATTERMOST_URL: 'http://127.0.0.1:1',
      OLYMPUS_MATTERMOST_TOKEN: 't',
      OLYMPUS_MATTERMOST_TEAM: 'olympus',
    };
    const { code, stderr } = await run(['say', '-'], env);

    assert.equal(code, 2);
    assert.match(stderr, /Nobody is mentioned, so nobody would answer\. Put the name of an agent first/);
  });
});
