// Migrations, tried on what was stored: for a test that keeps a snapshot of each version it released.
import { assert } from '@devmentor/locks';
import { loadedState, viewOf } from './actor-state.ts';
import type { ActorType } from './define-actor.ts';
import type { ViewData } from './envelope.ts';
import { xstateDriver } from './machine-driver.xstate5.ts';
import type { ActorRecord } from './state-store.ts';

/**
 * What an actor is after its stored record was brought to the present version of its type; throws
 * what a node would: VERSION_UNSUPPORTED, or why the machine cannot take the snapshot up.
 *
 * @example
 * const record = JSON.parse(readFileSync('fixtures/project-v1.json', 'utf8'));
 * expect(migratedView(Project, record).context).toEqual({ … });
 */
export function migratedView(type: ActorType, record: ActorRecord): ViewData {
  assert(record.id.startsWith(`${type.type}:`), 'a record is tried with its own type');
  const driver = xstateDriver(type.behavior.machine);
  const state = loadedState(driver, type.behavior, record, []);
  return viewOf(driver, state, state.version);
}
