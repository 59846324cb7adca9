import type { ClaimToken } from '@devmentor/contracts';

/** What the client remembers across a reload of one tab. A browser's `sessionStorage` is one. */
export interface TabStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The tab's own storage, where there is one; another tab never sees it. */
export function tabStorage(): TabStorage | undefined {
  try {
    return typeof window === 'undefined' ? undefined : window.sessionStorage;
  } catch {
    // Forbidden by the browser's settings: the tab then forgets on reload.
    return undefined;
  }
}

/** Reads a remembered value. One that is not JSON was not ours, and is no value. */
export function recall<Value>(storage: TabStorage | undefined, key: string): Value | undefined {
  const text = storage?.getItem(key);
  if (text === null || text === undefined) return undefined;
  try {
    return JSON.parse(text) as Value;
  } catch {
    return undefined;
  }
}

/** Remembers a value, or forgets it when it is `undefined`. A full storage only forgets. */
export function remember(storage: TabStorage | undefined, key: string, value: unknown): void {
  try {
    if (value === undefined) storage?.removeItem(key);
    else storage?.setItem(key, JSON.stringify(value));
  } catch {
    // Over quota. Nothing depends on it but the comfort after a reload.
  }
}

/** Where the grant of a project survives a reload. Tokens never go to `localStorage`. */
export function claimKey(projectId: string): string {
  return `devmentor:claim:${projectId}`;
}

/** A grant as it is kept for a reload. */
export interface KeptClaim {
  readonly grant: ClaimToken;
  readonly instanceId: string;
}
