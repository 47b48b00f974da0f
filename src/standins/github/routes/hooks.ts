import { demandRole } from '../access.ts';
import { invalid, notFound } from '../errors.ts';
import { asObject, type JsonObject, textOf, textsOf } from '../json.ts';
import type { Delivery, Hook } from '../model.ts';
import { showConfig, showDelivery, showFullDelivery, showHook } from '../render/deliveries.ts';
import {
  type Answer,
  appRoute,
  type Call,
  numberParam,
  page,
  type RepoCall,
  type Route,
  readRoute,
  writeRoute,
} from '../routes.ts';

const READ = 'repository_hooks:read';
const WRITE = 'repository_hooks:write';

/** Where events are sent, what was sent, and sending it again: of apps and of repositories. */
export const hookRoutes: readonly Route[] = [
  appRoute('GET', '/app/hook/config', ({ app }) => ({ body: showConfig(app.hook) })),
  appRoute('PATCH', '/app/hook/config', ({ app, body }) => {
    configure(app.hook, body);
    return { body: showConfig(app.hook) };
  }),
  appRoute('GET', '/app/hook/deliveries', (call) => list(call, call.app.hook)),
  appRoute('GET', '/app/hook/deliveries/:delivery', (call) => ({
    body: showFullDelivery(deliveryOf(call, call.app.hook)),
  })),
  appRoute('POST', '/app/hook/deliveries/:delivery/attempts', (call) => again(call, call.app.hook)),

  readRoute('/hooks', READ, (call) => {
    return page(call, call.repo.hooks, (slice) => slice.map((hook) => showHook(call.world, call.repo, hook)));
  }),
  writeRoute('POST', '/hooks', WRITE, (call) => {
    const { world, repo, caller, body } = call;
    demandRole(world.state, caller, repo, 'admin');
    const now = world.clock.now();
    const hook: Hook = {
      id: world.state.nextId(),
      url: '',
      secret: '',
      events: ['push'],
      active: true,
      createdAt: now,
    };
    configure(hook, asObject(body['config']) ?? {});
    if (hook.url === '') throw invalid('Hook', 'url', 'missing_field');
    hook.events = textsOf(body['events']) ?? hook.events;
    repo.hooks.push(hook);
    const shown = showHook(world, repo, hook);
    const ping = { zen: 'Half measures are as bad as nothing at all.', hook_id: hook.id, hook: shown };
    world.events.ping(world, repo, hook, { payload: ping, senderId: caller.account.id });
    return { status: 201, body: shown };
  }),
  writeRoute('DELETE', '/hooks/:hook', WRITE, (call) => {
    const hook = hookOf(call);
    call.repo.hooks.splice(call.repo.hooks.indexOf(hook), 1);
    return { status: 204 };
  }),
  readRoute('/hooks/:hook/deliveries', READ, (call) => list(call, hookOf(call))),
  readRoute('/hooks/:hook/deliveries/:delivery', READ, (call) => ({
    body: showFullDelivery(deliveryOf(call, hookOf(call))),
  })),
  writeRoute('POST', '/hooks/:hook/deliveries/:delivery/attempts', WRITE, (call) =>
    again(call, hookOf(call)),
  ),
];

function configure(hook: Hook, config: JsonObject): void {
  hook.url = textOf(config, 'url') ?? hook.url;
  hook.secret = textOf(config, 'secret') ?? hook.secret;
  hook.active = hook.url !== '';
}

function hookOf(call: RepoCall): Hook {
  const hook = call.repo.hooks.find(({ id }) => id === numberParam(call, 'hook'));
  if (!hook) throw notFound();
  return hook;
}

function deliveryOf(call: Call, hook: Hook): Delivery {
  const delivery = call.world.state.deliveries.get(numberParam(call, 'delivery'));
  if (delivery?.hookId !== hook.id) throw notFound();
  return delivery;
}

/** The newest first; the way to the next ones is a cursor, not a page. */
function list(call: Call, hook: Hook): Answer {
  const size = Math.min(Number(call.query.get('per_page')) || 30, 100);
  const cursor = Number(call.query.get('cursor') ?? Number.MAX_SAFE_INTEGER);
  const status = call.query.get('status');
  const isWanted = (delivery: Delivery): boolean =>
    status === null || (delivery.statusCode < 300 ? status === 'success' : status === 'failure');
  const all = [...call.world.state.deliveries.values()]
    .filter((delivery) => delivery.hookId === hook.id && delivery.id < cursor && isWanted(delivery))
    .toReversed();
  const last = all[size - 1];
  const next = new URL(call.url);
  if (last) next.searchParams.set('cursor', String(last.id));
  return {
    body: all.slice(0, size).map(showDelivery),
    headers: all.length > size ? { link: `<${next.href}>; rel="next"` } : {},
  };
}

function again(call: Call, hook: Hook): Answer {
  call.world.events.redeliver(call.world, hook, deliveryOf(call, hook));
  return { status: 202, body: {} };
}
