import { spawn } from 'node:child_process';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { canSee, hasRole, permits } from './access.ts';
import { followRefs } from './actions/pushes.ts';
import { authenticate, type Caller, isActor } from './caller.ts';
import { ApiError } from './errors.ts';
import { GIT_ENVIRONMENT } from './git/run.ts';
import type { Repo } from './model.ts';
import type { World } from './world.ts';

/** Serves clone, fetch and push by `git http-backend`, with tokens as passwords. */
export function registerSmartHttp(app: FastifyInstance, world: World): void {
  const serve =
    (service: 'read' | 'write' | 'either') => async (request: FastifyRequest, reply: FastifyReply) => {
      try {
        const asked = service === 'either' ? serviceOf(request) : service;
        await world.faults.park('before', { method: request.method, url: request.url });
        const { repo, caller } = admit(world, request, asked);
        const answer = await answerOf(world, repo, caller, request);
        return reply.code(answer.status).headers(answer.headers).send(answer.body);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 401) reply.header('www-authenticate', 'Basic realm="GitHub"');
        return reply.code(error.status).type('text/plain').send(error.message);
      }
    };
  app.get('/:owner/:repo/info/refs', serve('either'));
  app.post('/:owner/:repo/git-upload-pack', serve('read'));
  app.post('/:owner/:repo/git-receive-pack', serve('write'));
}

function serviceOf(request: FastifyRequest): 'read' | 'write' {
  return new URL(request.url, 'http://standin').searchParams.get('service') === 'git-receive-pack'
    ? 'write'
    : 'read';
}

function admit(
  world: World,
  request: FastifyRequest,
  asked: 'read' | 'write',
): { repo: Repo; caller: Caller } {
  const { state } = world;
  const caller = authenticateGit(world, request);
  const { owner = '', repo: name = '' } = request.params as Record<string, string>;
  const bare = name.replace(/\.git$/, '');
  const repo = state.repoNamed(owner, bare) ?? state.repoOnceNamed(owner, bare);
  // Whoever does not say who they are is asked first, so that nobody learns which private repositories there are.
  if (!isActor(caller) && (!repo || !canSee(state, caller, repo) || asked === 'write')) {
    throw new ApiError(401, 'No anonymous write access.');
  }
  if (!repo || !canSee(state, caller, repo)) throw new ApiError(404, 'Repository not found.');
  const may =
    permits(state, caller, repo, [`contents:${asked}`]) &&
    (asked === 'read' || (isActor(caller) && hasRole(state, caller, repo, 'write')));
  if (!may) {
    const who = isActor(caller) ? caller.account.login : 'nobody';
    throw new ApiError(403, `Permission to ${state.fullName(repo)}.git denied to ${who}.`);
  }
  return { repo, caller };
}

function authenticateGit({ state, clock }: World, request: FastifyRequest): Caller {
  try {
    return authenticate(state, request.headers.authorization, clock.now());
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new ApiError(
      401,
      'Invalid username or token. Password authentication is not supported for Git operations.',
    );
  }
}

/** One push after the other; what follows from it has happened before it is answered. */
async function answerOf(
  world: World,
  repo: Repo,
  caller: Caller,
  request: FastifyRequest,
): Promise<CgiAnswer> {
  if (!request.url.endsWith('/git-receive-pack') || !isActor(caller)) return backend(world, repo, request);
  return world.repos.exclusively(repo.id, async () => {
    const answer = await backend(world, repo, request);
    await followRefs(world, repo, caller.account.id);
    return answer;
  });
}

function backend(world: World, repo: Repo, request: FastifyRequest): Promise<CgiAnswer> {
  const [path = '', query = ''] = request.url.split('?');
  return runBackend(
    {
      GIT_PROJECT_ROOT: world.repos.root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: `/${repo.id}.git/${path.split('/').slice(3).join('/')}`,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method,
      REMOTE_USER: 'git',
      REMOTE_ADDR: '127.0.0.1',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
    Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
  );
}

interface CgiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Runs `git http-backend` as a web server does: by CGI. */
async function runBackend(variables: Readonly<Record<string, string>>, input: Buffer): Promise<CgiAnswer> {
  const child = spawn('git', ['http-backend'], {
    env: { ...GIT_ENVIRONMENT, ...variables, CONTENT_LENGTH: String(input.length) },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const out: Buffer[] = [];
  child.stdout.on('data', (chunk) => out.push(chunk));
  child.on('error', reject);
  child.on('close', () => resolve(Buffer.concat(out)));
  // A backend that refuses does not read to the end.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return readCgi(await promise);
}

function readCgi(output: Buffer): CgiAnswer {
  const end = output.indexOf('\r\n\r\n');
  const lines = output.subarray(0, Math.max(end, 0)).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const { status = end < 0 ? '500' : '200', ...others } = headers;
  return { status: Number.parseInt(status, 10), headers: others, body: output.subarray(end + 4) };
}
