// Nemesis
//
// Brings the faults of a plan upon a world, each when it is due, and says of each whether it met anything.
import { assert } from '@devmentor/locks';
import type { Fault, Line } from './fault.ts';
import type { Services } from './services.ts';
import type { SimNode } from './sim-node.ts';
import type { Network, Way, Wire } from './wire.ts';

/** A fault of the plan, and whether it met anything. */
export interface PlannedFault {
  readonly fault: Fault;
  readonly struck: boolean;
}

interface Armed {
  readonly fault: Fault;
  struck: boolean;
  /** Ends it, or keeps it from coming. */
  end: () => void;
}

export interface NemesisPorts {
  readonly network: Network;
  readonly nodes: readonly SimNode[];
  /** Of the nodes, in their order. */
  readonly wires: readonly Wire[];
  readonly services: Services;
}

const LINES: readonly Line[] = ['bus', 'state', 'log', 'locks'];

export class Nemesis {
  readonly #ports: NemesisPorts;
  readonly #armed: Armed[] = [];

  constructor(ports: NemesisPorts) {
    this.#ports = ports;
  }

  get faults(): readonly PlannedFault[] {
    return this.#armed.map(({ fault, struck }) => ({ fault, struck }));
  }

  /** Every fault, begun or yet to come, is over. */
  end(): void {
    for (const armed of this.#armed) armed.end();
    for (const wire of this.#ports.wires) wire.heal();
  }

  /** Has a fault come when it is due; its times and counts start now. */
  arm(fault: Fault): void {
    const armed: Armed = { fault, struck: false, end: () => {} };
    this.#armed.push(armed);
    const strike = (): void => {
      armed.struck = true;
    };
    switch (fault.kind) {
      case 'crash': {
        const crash = (): void => this.#crash(armed, fault);
        if ('crossing' in fault.at) this.#wire(fault.node).crashAt(fault.at.crossing, crash);
        else armed.end = this.#in(fault.at.ms, crash);
        return;
      }
      case 'stall':
      case 'sleep':
        armed.end = this.#in(fault.atMs, () => this.#stall(armed, fault));
        return;
      case 'clock':
        armed.end = this.#in(fault.atMs, () => {
          strike();
          const who = fault.node === 'store' ? 'the services' : this.#node(fault.node).name;
          this.#say(`the clock of ${who} jumps by ${fault.wallMs} ms`);
          if (fault.node === 'store') this.#ports.services.clock.jump(fault.wallMs);
          else this.#node(fault.node).jumpWall(fault.wallMs);
        });
        return;
      case 'drift':
        strike();
        this.#say(`the clocks of ${this.#node(fault.node).name} are off by ${fault.ppm} ppm`);
        return;
      case 'cut':
        armed.end = this.#in(fault.atMs, () => this.#cut(armed, fault));
        return;
      case 'message':
      case 'call':
        this.#wire(fault.node).plan(fault, strike);
        return;
      case 'slow':
        armed.end = this.#in(fault.atMs, () => {
          strike();
          this.#say(`${fault.line} takes ${fault.byMs} ms longer`);
          this.#ports.network.slowMs[fault.line] += fault.byMs;
          this.#until(armed, fault.forMs, () => {
            this.#say(`${fault.line} is as fast as before`);
            this.#ports.network.slowMs[fault.line] -= fault.byMs;
          });
        });
        return;
      case 'failover':
        armed.end = this.#in(fault.atMs, () => {
          const lost = this.#ports.services.failover(fault.line, fault.losing);
          armed.struck = lost === fault.losing;
          this.#say(`a replica of ${fault.line} takes over, without the last ${lost} writes`);
        });
        return;
    }
  }

  #crash(armed: Armed, fault: Extract<Fault, { readonly kind: 'crash' }>): void {
    const node = this.#node(fault.node);
    if (node.isDown) return;
    armed.struck = true;
    node.crash();
    if (fault.restartAfterMs !== 'never') armed.end = this.#in(fault.restartAfterMs, () => node.restart());
  }

  #stall(armed: Armed, fault: Extract<Fault, { readonly kind: 'stall' | 'sleep' }>): void {
    const node = this.#node(fault.node);
    if (node.isDown || node.isStalled) return;
    armed.struck = true;
    node.stall();
    this.#until(armed, fault.forMs, () => node.resume(fault.kind === 'sleep'));
  }

  #cut(armed: Armed, fault: Extract<Fault, { readonly kind: 'cut' }>): void {
    const wire = this.#wire(fault.node);
    const node = this.#node(fault.node);
    const lines = fault.line === 'all' ? LINES : [fault.line];
    const ways: readonly Way[] = fault.way === 'both' ? ['in', 'out'] : [fault.way];
    armed.struck = true;
    this.#say(`${node.name} is cut off from ${fault.line}, ${fault.way}`);
    for (const line of lines) for (const way of ways) wire.cut(line, way);
    const isOff = (): boolean => wire.isCut('bus', 'in') && wire.isCut('bus', 'out');
    if (isOff()) node.disconnect();
    this.#until(armed, fault.forMs, () => {
      this.#say(`${node.name} is no longer cut off from ${fault.line}, ${fault.way}`);
      for (const line of lines) for (const way of ways) wire.mend(line, way);
      if (!isOff()) node.reconnect();
    });
  }

  /** Undoes what an armed fault did, after a while or when it is ended; once. */
  #until(armed: Armed, forMs: number, undo: () => void): void {
    const cancel = this.#in(forMs, () => armed.end());
    armed.end = () => {
      armed.end = () => {};
      cancel();
      undo();
    };
  }

  #in(ms: number, work: () => void): () => void {
    const { time } = this.#ports.network;
    return time.at(time.nowMs + ms, work);
  }

  #node(number: number): SimNode {
    return at(this.#ports.nodes, number);
  }

  #wire(number: number): Wire {
    return at(this.#ports.wires, number);
  }

  #say(label: string): void {
    const { time, trace } = this.#ports.network;
    trace.add({ kind: 'fault', atMs: time.worldMs, node: 'world', label });
  }
}

function at<T>(these: readonly T[], number: number): T {
  const one = these[number];
  assert(one !== undefined, `there are ${these.length} nodes, numbered from 0`);
  return one;
}
