// What the guards of a machine said in a step. XState tells nobody, so the driver steps a copy of the
// machine, whose named guards are heard; the machine that it was given stays as it is.
import type { AnyStateMachine } from 'xstate';
import type { GuardOutcome } from './machine-driver.ts';

type Guard = (args: unknown, params: unknown) => boolean;
/** Of several guards (`and`, `or`, `not`), or of a state: asked in another way. */
interface Combined {
  check(snapshot: unknown, args: unknown, guard: unknown): boolean;
}

const NONE: readonly GuardOutcome[] = [];

export class GuardsSaid {
  #said: GuardOutcome[] | undefined;

  begin(): void {
    this.#said = undefined;
  }

  /** In the order in which they were asked. */
  get said(): readonly GuardOutcome[] {
    return this.#said ?? NONE;
  }

  heardIn(machine: AnyStateMachine): AnyStateMachine {
    const guards = Object.entries(machine.implementations.guards as Record<string, unknown>);
    if (guards.length === 0) return machine;
    return machine.provide({
      guards: Object.fromEntries(guards.map(([name, guard]) => [name, this.#heard(name, guard)])),
    });
  }

  /** A guard may be another name of one; that one is heard. */
  #heard(name: string, guard: unknown): unknown {
    if (typeof guard !== 'function') return guard;
    const say = (passed: boolean): boolean => {
      this.#said ??= [];
      this.#said.push({ guard: name, passed });
      return passed;
    };
    const heard: Guard = (args, params) => say((guard as Guard)(args, params));
    if (!('check' in guard)) return heard;
    const { check } = guard as object as Combined;
    const combined: Combined = { check: (snapshot, args) => say(check(snapshot, args, guard)) };
    return Object.assign(heard, guard, combined);
  }
}
