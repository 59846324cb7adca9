'use client';

import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useState,
} from 'react';
import type { DevMentorAPIClient } from './api-client.ts';
import { createProjectStore, type ProjectStoreApi } from './project-store.ts';

interface Provided {
  readonly client: DevMentorAPIClient;
  readonly store: ProjectStoreApi;
}

const ProvidedContext = createContext<Provided | undefined>(undefined);

/** Gives a client to everything below. Whoever made the client closes it. */
export function APIClientProvider(props: {
  readonly client: DevMentorAPIClient;
  readonly children?: ReactNode;
}): ReactElement {
  const { client, children } = props;
  const [provided, setProvided] = useState<Provided>(() => ({ client, store: createProjectStore(client) }));
  useEffect(() => {
    setProvided((before) => (before.client === client ? before : { client, store: createProjectStore(client) }));
  }, [client]);
  return createElement(ProvidedContext.Provider, { value: provided }, children);
}

/** The client of the provider above. */
export function useAPIClient(): DevMentorAPIClient {
  return useProvided().client;
}

/** @internal */
export function useProvided(): Provided {
  const provided = useContext(ProvidedContext);
  if (provided === undefined) throw new Error('There is no APIClientProvider above this component');
  return provided;
}
