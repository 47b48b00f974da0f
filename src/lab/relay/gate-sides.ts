import type { Clock } from '#lib/clock.ts';
import type { Environment } from '#lib/config.ts';
import { readSecretFile } from '#lib/config.ts';
import type { Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { ProcessPart } from '../local/process-part.ts';
import { SYSTEM_ENV } from '../run.ts';
import { ChatRelay } from './chat-relay.ts';
import { createAgents } from './forward.ts';
import { CHAT_SOCKET, doorSocket, type GateConfig, MODEL_SOCKET, STANDIN_LABEL } from './gate-config.ts';
import { ModelRelay } from './model-relay.ts';
import { PipeServer } from './pipe-server.ts';
import { chooseProvider, type Provider } from './provider.ts';

/** The gates' side in the switch's namespace: it reaches the machines, and nothing outside. */
export function switchSide(config: GateConfig, log: Logger): Part[] {
  const { model, chat } = config;
  return [
    new PipeServer({
      name: 'model',
      listen: { host: model.address, port: model.port },
      connect: { path: MODEL_SOCKET },
      log,
    }),
    ...(chat
      ? [
          new PipeServer({
            name: 'chat',
            listen: { host: chat.listen.address, port: chat.listen.port },
            connect: { path: CHAT_SOCKET },
            log,
          }),
        ]
      : []),
    ...config.doors.map(
      ({ name, to }) =>
        new PipeServer({
          name,
          listen: { path: doorSocket(name) },
          connect: { host: to.address, port: to.port },
          log,
        }),
    ),
  ];
}

/** The gates' side in this machine's own network: it holds the provider's key, and listens on loopback only. */
export function machineSide(
  config: GateConfig,
  { env, log, clock }: { readonly env: Environment; readonly log: Logger; readonly clock: Clock },
): Part[] {
  const { standin, keysFile, doors, chat } = config;
  const provider = standin ? standinProvider(standin) : chooseProvider(env);
  if (!provider) throw new Error('there is neither a model provider in the environment nor a stand-in');
  return [
    ...(standin ? [standinProcess(standin, log, clock)] : []),
    new ModelRelay({
      listen: { path: MODEL_SOCKET },
      provider,
      keysFile,
      agents: createAgents(env),
      log,
      clock,
    }),
    ...(chat ? [new ChatRelay({ listen: { path: CHAT_SOCKET }, url: chat.url, log })] : []),
    ...doors.map(
      ({ name, localPort }) =>
        new PipeServer({
          name,
          listen: { host: '127.0.0.1', port: localPort },
          connect: { path: doorSocket(name) },
          log,
        }),
    ),
  ];
}

type Standin = NonNullable<GateConfig['standin']>;

function standinProvider({ port, keyFile }: Standin): Provider {
  const upstream = { baseUrl: `http://127.0.0.1:${port}/v1`, key: readSecretFile('keyFile', keyFile) };
  return { openai: upstream, anthropic: upstream, label: STANDIN_LABEL };
}

function standinProcess({ command, port, logFile }: Standin, log: Logger, clock: Clock): ProcessPart {
  return new ProcessPart({
    name: 'model-standin',
    command,
    env: SYSTEM_ENV,
    logFile,
    ready: async (signal) => (await fetch(`http://127.0.0.1:${port}/v1/models`, { signal })).ok,
    readyTimeoutMs: 30_000,
    stopTimeoutMs: 2000,
    log,
    clock,
  });
}
