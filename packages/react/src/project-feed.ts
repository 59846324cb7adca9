// ProjectFeed
//
// One project, kept up to date for as long as anybody looks at it: read once, then changed
// by the events of its topic, and read again whenever the server cannot promise that
// nothing was missed.
//
//   F1  However many look, there is one subscription and one snapshot.
//   F2  A lease that was read is dropped when an event about it arrived meanwhile.
import type { EventFrame, Project } from '@devmentor/contracts';
import { type Clock, pause } from './clock.ts';
import type { LiveConnection } from './connection.ts';
import { type CoordinationError, isCoordinationError } from './errors.ts';
import type { ProjectServiceProxy } from './project-service-proxy.ts';
import {
  type ProjectSnapshot,
  type Reader,
  resetProject,
  tellsTooLittle,
  unread,
  withEvent,
  withLease,
  withOwnClaim,
  withOwnRelease,
  withoutProject,
  withProject,
} from './project-snapshot.ts';
import { SnapshotStore } from './snapshot-store.ts';

const readAgainMs = 2_000;

export interface ProjectFeedOptions {
  readonly projectId: string;
  readonly projects: ProjectServiceProxy;
  readonly connection: LiveConnection;
  readonly clock: Clock;
  readonly reader: () => Reader;
}

export class ProjectFeed {
  readonly store = new SnapshotStore<ProjectSnapshot>(unread);
  /** The last reading that failed, if nothing has been read since. */
  readonly fault = new SnapshotStore<CoordinationError | undefined>(undefined);
  readonly #options: ProjectFeedOptions;
  readonly #listeners = new Set<(event: EventFrame) => void>();
  readonly #stopped = new AbortController();
  readonly #unsubscribe: () => void;
  #reading: Promise<void> | undefined;
  #readAgain = false;
  #events = 0;

  constructor(options: ProjectFeedOptions) {
    this.#options = options;
    this.#unsubscribe = options.connection.subscribe(`project:${options.projectId}`, {
      event: (event) => this.#take(event),
      subscribed: (continuous) => {
        if (!continuous) this.refresh();
      },
      ended: () => this.store.change(withoutProject),
    });
    this.refresh();
  }

  /** Hears the raw events of the topic. @returns stops hearing */
  onEvent(listener: (event: EventFrame) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads project and lease anew. Any number of calls while a reading runs make one more. */
  refresh(): void {
    if (this.#reading !== undefined) {
      this.#readAgain = true;
      return;
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
      const again = this.#readAgain;
      this.#readAgain = false;
      if (again && !this.#stopped.signal.aborted) this.refresh();
    });
  }

  /** Takes what this client itself was answered, ahead of the event about it. */
  saw(project: Project): void {
    this.store.change((snapshot) => withProject(snapshot, project));
  }

  sawClaim(claim: Parameters<typeof withOwnClaim>[1]): void {
    this.#events += 1;
    this.store.change((snapshot) => withOwnClaim(snapshot, claim));
  }

  sawRelease(fencingToken: string): void {
    this.#events += 1;
    this.store.change((snapshot) => withOwnRelease(snapshot, fencingToken));
  }

  stop(): void {
    this.#stopped.abort();
    this.#unsubscribe();
    this.#listeners.clear();
  }

  #take(event: EventFrame): void {
    this.#events += 1;
    this.store.change((snapshot) => withEvent(snapshot, event));
    const { project } = this.store.get();
    if (project !== undefined) this.#options.projects.saw(project);
    if (tellsTooLittle(event)) this.refresh();
    for (const listener of [...this.#listeners]) listener(event);
  }

  async #read(): Promise<void> {
    const { projectId, projects, reader, clock } = this.#options;
    const { signal } = this.#stopped;
    const eventsBefore = this.#events;
    const { instanceId } = reader();
    try {
      const [project, lease] = await Promise.all([
        projects.findById(projectId, { signal }),
        projects.lease(projectId, { instanceId, signal }),
      ]);
      const quiet = this.#events === eventsBefore;
      this.store.change((snapshot) => (quiet ? resetProject(snapshot, project) : withProject(snapshot, project)));
      if (quiet) this.store.change((snapshot) => withLease(snapshot, lease, reader()));
      this.fault.change(() => undefined);
    } catch (error) {
      if (signal.aborted) return;
      if (!isCoordinationError(error)) throw error;
      if (error.code === 'NOT_FOUND' || error.code === 'FORBIDDEN') {
        this.store.change(withoutProject);
        this.fault.change(() => undefined);
        return;
      }
      this.fault.change(() => error);
      await this.#rest(clock);
    }
  }

  // A server that is away is asked again now and then; its return over the live connection
  // asks at once.
  async #rest(clock: Clock): Promise<void> {
    try {
      await pause(clock, readAgainMs, this.#stopped.signal);
      this.#readAgain = true;
    } catch {
      // Stopped meanwhile.
    }
  }
}
