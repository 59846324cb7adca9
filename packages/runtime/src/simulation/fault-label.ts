import type { Fault } from './fault.ts';

/** The name by which traces call a node. */
export function nodeName(node: number): string {
  return `n${node + 1}`;
}

/** A fault in one line, for people. */
export function faultLabel(fault: Fault): string {
  switch (fault.kind) {
    case 'crash': {
      const when = 'ms' in fault.at ? `at ${fault.at.ms} ms` : `at its crossing ${fault.at.crossing}`;
      const then = fault.restartAfterMs === 'never' ? 'for good' : `back after ${fault.restartAfterMs} ms`;
      return `${nodeName(fault.node)} crashes ${when}, ${then}`;
    }
    case 'stall':
      return `${nodeName(fault.node)} is stalled ${during(fault)}`;
    case 'sleep':
      return `the machine of ${nodeName(fault.node)} sleeps ${during(fault)}`;
    case 'clock': {
      const whose = fault.node === 'store' ? "the store's clock" : `the wall clock of ${nodeName(fault.node)}`;
      return `${whose} jumps by ${fault.wallMs} ms at ${fault.atMs} ms`;
    }
    case 'drift':
      return `the clocks of ${nodeName(fault.node)} drift by ${fault.ppm} ppm`;
    case 'cut': {
      const way = fault.way === 'both' ? 'both ways' : fault.way === 'in' ? 'towards it' : 'from it';
      const line = fault.line === 'all' ? 'every line' : `the line to ${fault.line}`;
      return `${line} of ${nodeName(fault.node)} is cut ${way} ${during(fault)}`;
    }
    case 'message': {
      const done = { drop: 'dropped', duplicate: 'doubled', delay: `delayed by ${fault.byMs ?? 0} ms` }[fault.what];
      return `message ${fault.nth} of ${nodeName(fault.node)} is ${done}`;
    }
    case 'call': {
      const done = {
        'lost-request': 'never gets there',
        'lost-reply': 'takes effect, and its reply is lost',
        late: 'takes effect after it was given up on',
        refused: 'is refused',
      }[fault.what];
      return `call ${fault.nth} of ${nodeName(fault.node)} to ${fault.line} ${done}`;
    }
    case 'slow':
      return `${fault.line} answers ${fault.byMs} ms later ${during(fault)}`;
    case 'failover':
      return `${fault.line} fails over at ${fault.atMs} ms and loses ${fault.losing} acknowledged writes`;
  }
}

function during({ atMs, forMs }: { readonly atMs: number; readonly forMs: number }): string {
  return `from ${atMs} to ${atMs + forMs} ms`;
}
