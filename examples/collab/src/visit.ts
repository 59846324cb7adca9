// Visit
//
// Who this tab is: a guest under the name in `?as=`, or one that the server names. A reload
// is the same guest; another tab, a copied one too, is another.
import {
  DevMentorAPIClient,
  isCoordinationError,
  SnapshotStore,
  type TabStorage,
  tabStorage,
} from '@devmentor/react/client';

export type SignIn =
  | { readonly kind: 'pending' }
  | { readonly kind: 'done'; readonly name: string }
  | { readonly kind: 'failed'; readonly message: string };

export interface Visit {
  readonly client: DevMentorAPIClient;
  readonly signIn: SnapshotStore<SignIn>;
  retry(): void;
}

export function openVisit(url: URL): Visit {
  const name = url.searchParams.get('as') ?? undefined;
  const storage = tabStorage();
  const client = new DevMentorAPIClient({
    apiGatewayURL: url.origin,
    ...(storage === undefined ? {} : { storage: name === undefined ? storage : storageOf(storage, name) }),
  });
  const signIn = new SnapshotStore<SignIn>({ kind: 'pending' });
  let trying = false;

  const retry = async (): Promise<void> => {
    if (trying) return;
    trying = true;
    try {
      await client.ready();
      if (client.session.user === undefined) await client.auth.guest(name);
      signIn.change(() => ({ kind: 'done', name: client.session.user?.displayName ?? '' }));
    } catch (error) {
      const message = isCoordinationError(error) ? error.message : String(error);
      signIn.change(() => ({ kind: 'failed', message }));
    } finally {
      trying = false;
    }
  };

  // A demo server that was started anew knows nobody; its guests simply come in again.
  client.session.onChange(() => {
    if (client.session.user === undefined) void retry();
  });
  void retry();
  return { client, signIn, retry: () => void retry() };
}

/** Two names in one tab are two guests. */
function storageOf(storage: TabStorage, name: string): TabStorage {
  const prefixed = (key: string): string => `as:${name}:${key}`;
  return {
    getItem: (key) => storage.getItem(prefixed(key)),
    setItem: (key, value) => storage.setItem(prefixed(key), value),
    removeItem: (key) => storage.removeItem(prefixed(key)),
  };
}
