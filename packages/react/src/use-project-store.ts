'use client';

import { useStore } from 'zustand/react';
import type { ProjectStore } from './project-store.ts';
import { useProvided } from './provider.ts';

/** What a selector reads from the project store of the provider above; all of it without one. */
export function useProjectStore(): ProjectStore;
export function useProjectStore<Selected>(select: (store: ProjectStore) => Selected): Selected;
export function useProjectStore(select: (store: ProjectStore) => unknown = whole): unknown {
  return useStore(useProvided().store, select);
}

const whole = (store: ProjectStore): ProjectStore => store;
