// A user's module, and the simulations in it.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Simulation } from '../simulation.ts';
import type { SimulationFailure } from '../simulation-failure.ts';

/** A module that cannot be used; the message says what to do. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError';
}

/** Loads a module and finds what `defineSimulation` made in it, by name. */
export async function loadSimulations(path: string): Promise<ReadonlyMap<string, Simulation>> {
  const file = resolve(path);
  if (!existsSync(file)) throw new ModuleError(`there is no ${path}`);
  const exported = await load(path, file);
  const found = new Map<string, Simulation>();
  for (const value of Object.values(exported)) {
    if (!isSimulation(value)) continue;
    if (found.has(value.name) && found.get(value.name) !== value)
      throw new ModuleError(`${path} exports two simulations named ${value.name}; a case is found by its name`);
    found.set(value.name, value);
  }
  if (found.size === 0)
    throw new ModuleError(
      `${path} exports no simulation; export what defineSimulation() returns, by default or by name`,
    );
  return found;
}

/** One of them: the one named, or the only one. */
export function chooseSimulation(
  simulations: ReadonlyMap<string, Simulation>,
  name: string | undefined,
  path: string,
): Simulation {
  const names = [...simulations.keys()].join(', ');
  if (name !== undefined) {
    const named = simulations.get(name);
    if (named === undefined) throw new ModuleError(`${path} has no simulation named ${name}; it has ${names}`);
    return named;
  }
  const [only, ...more] = simulations.values();
  if (only === undefined || more.length > 0) throw new ModuleError(`--only says which of ${path}: ${names}`);
  return only;
}

async function load(path: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(pathToFileURL(file).href);
  } catch (cause) {
    if (isCode(cause, 'ERR_UNKNOWN_FILE_EXTENSION') && /\.[cm]?tsx?$/.test(path))
      throw new ModuleError(
        `Node ${process.version} does not run TypeScript: take Node 22.18 or later, compile ${path} first, or set NODE_OPTIONS to a loader that does`,
        { cause },
      );
    if (isCode(cause, 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX'))
      throw new ModuleError(
        `Node strips types only, and ${path} needs more (an enum, a parameter property): ${messageOf(cause)}`,
        { cause },
      );
    throw new ModuleError(`${path} cannot be loaded: ${stackOf(cause)}`, { cause });
  }
}

function isSimulation(value: unknown): value is Simulation {
  if (typeof value !== 'object' || value === null) return false;
  const { name, find, play, caseOf } = value as Partial<Record<keyof Simulation, unknown>>;
  return typeof name === 'string' && [find, play, caseOf].every((member) => typeof member === 'function');
}

/**
 * What a simulation found, or undefined for anything else that was thrown. The module may have brought
 * another copy of this package, so its class is known by its name.
 */
export function failureOf(thrown: unknown): SimulationFailure | undefined {
  const isFailure = thrown instanceof Error && thrown.name === 'SimulationFailure' && 'seen' in thrown;
  return isFailure ? (thrown as SimulationFailure) : undefined;
}

function isCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** With the lines of the user's own files, which is where the fault is. */
function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
