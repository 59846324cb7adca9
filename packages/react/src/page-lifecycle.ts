// What happens to the page around the client: hidden, frozen, asleep, offline, put away and
// brought back. A port, so that a test can do it all to a client; outside a browser there is
// no page and nothing ever happens.

/**
 * `wake`: something may have been missed, look at the line. `leave`: the page goes away, for
 * good or into the back-forward cache; only synchronous work is certain to be done.
 * `return`: it came back from there.
 */
export type PageMoment = 'wake' | 'leave' | 'return';

export interface PageLifecycle {
  /** Whether nobody can see the page. */
  hidden(): boolean;
  /** @returns stops listening */
  on(listener: (moment: PageMoment) => void): () => void;
}

/** A page that is always there and never changes, as in Node or while rendering on a server. */
export const noPage: PageLifecycle = { hidden: () => false, on: () => () => undefined };

/**
 * The page of this browser. Never listens to `unload` or `beforeunload`: those keep a page
 * out of the back-forward cache.
 */
export function browserPage(): PageLifecycle {
  if (typeof window === 'undefined' || typeof document === 'undefined') return noPage;
  return {
    hidden: () => document.visibilityState === 'hidden',
    on(listener) {
      const stop = new AbortController();
      const { signal } = stop;
      const wake = (): void => {
        if (document.visibilityState !== 'hidden') listener('wake');
      };
      // `visibilitychange` alone is not enough: some browsers no longer fire it after a resume.
      document.addEventListener('visibilitychange', wake, { signal });
      document.addEventListener('resume', wake, { signal });
      window.addEventListener('focus', wake, { signal });
      window.addEventListener('online', wake, { signal });
      window.addEventListener('pagehide', () => listener('leave'), { signal });
      window.addEventListener('pageshow', (event) => event.persisted && listener('return'), { signal });
      return () => stop.abort();
    },
  };
}
