import type { Ready } from '@devmentor/contracts';
import type { Handlers } from './call.ts';

export interface Health {
  readonly phase: () => 'starting' | 'ready' | 'draining';
  readonly backends: () => Promise<Readonly<Record<string, 'up' | 'down'>>>;
}

export function healthRoutes(health: Health): Handlers {
  return {
    'health.live': async () => ({ status: 200, body: { status: 'live' } }),
    'health.ready': async () => {
      const phase = health.phase();
      const backends = { ...(await health.backends()) };
      const isDown = Object.values(backends).includes('down');
      const status = phase === 'ready' && isDown ? 'unavailable' : phase;
      const service = isDown ? 'down' : 'up';
      const body: Ready = { status, services: { auth: service, projects: service, ai: service }, backends };
      return { status: status === 'ready' ? 200 : 503, body, headers: { 'cache-control': 'no-store' } };
    },
  };
}
