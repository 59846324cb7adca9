import { useSyncExternalStore } from 'react';

export type Route =
  | { readonly kind: 'projects' }
  | { readonly kind: 'project'; readonly id: string }
  | { readonly kind: 'unknown' };

export function routeOf(path: string): Route {
  if (path === '/' || path === '/projects' || path === '/projects/') return { kind: 'projects' };
  const id = /^\/projects\/([A-Za-z0-9._~-]{1,128})\/?$/.exec(path)?.[1];
  return id === undefined ? { kind: 'unknown' } : { kind: 'project', id };
}

/** The address of a route; who the visitor is (`?as=`) goes along. */
export function hrefOf(route: Route): string {
  const path = route.kind === 'project' ? `/projects/${route.id}` : '/';
  return path + location.search;
}

const moved = new EventTarget();

export function navigate(route: Route): void {
  history.pushState(null, '', hrefOf(route));
  window.scrollTo(0, 0);
  moved.dispatchEvent(new Event('move'));
}

export function useRoute(): Route {
  const path = useSyncExternalStore(
    (listener) => {
      window.addEventListener('popstate', listener);
      moved.addEventListener('move', listener);
      return () => {
        window.removeEventListener('popstate', listener);
        moved.removeEventListener('move', listener);
      };
    },
    () => location.pathname,
  );
  return routeOf(path);
}
