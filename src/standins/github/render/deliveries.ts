import { timeText } from '../json.ts';
import type { Delivery, Hook, Repo } from '../model.ts';
import type { World } from '../world.ts';
import { repoUrl } from './accounts.ts';

/** A delivery as lists show it. */
export function showDelivery(delivery: Delivery): Record<string, unknown> {
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: timeText(delivery.deliveredAt),
    redelivery: delivery.redelivery,
    duration: Math.round(delivery.durationS * 100) / 100,
    status: delivery.status,
    status_code: delivery.statusCode,
    event: delivery.event,
    action: delivery.action,
    installation_id: delivery.installationId,
    repository_id: delivery.repositoryId,
    throttled_at: null,
  };
}

/** A delivery with what was sent and what came back. */
export function showFullDelivery(delivery: Delivery): Record<string, unknown> {
  return {
    ...showDelivery(delivery),
    url: delivery.url,
    request: { headers: delivery.headers, payload: JSON.parse(delivery.body) },
    response: { headers: delivery.answer.headers, payload: delivery.answer.body },
  };
}

/** Where a hook sends to; the secret is never shown. */
export function showConfig(hook: Hook): Record<string, unknown> {
  return {
    content_type: 'json',
    insecure_ssl: '0',
    url: hook.url,
    ...(hook.secret ? { secret: '********' } : {}),
  };
}

export function showHook(world: World, repo: Repo, hook: Hook): Record<string, unknown> {
  const url = `${repoUrl(world, repo)}/hooks/${hook.id}`;
  return {
    type: 'Repository',
    id: hook.id,
    name: 'web',
    active: hook.active,
    events: hook.events,
    config: showConfig(hook),
    updated_at: timeText(hook.createdAt),
    created_at: timeText(hook.createdAt),
    url,
    test_url: `${url}/test`,
    ping_url: `${url}/pings`,
    deliveries_url: `${url}/deliveries`,
    last_response: { code: null, status: 'unused', message: null },
  };
}
