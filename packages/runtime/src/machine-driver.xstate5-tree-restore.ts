// A tree out of its record: its references are made anew, and what each was goes into the cells.

import { assert } from '@devmentor/locks';
import type { AnyMachineSnapshot } from 'xstate';
import type { Cell } from './machine-driver.xstate5-cells.ts';
import type { ChildLogic } from './machine-driver.xstate5-definition.ts';
import { fromStored, type Stored, type StoredChild } from './machine-driver.xstate5-stored.ts';
import type { TreeNode, TreeNodes } from './machine-driver.xstate5-tree-nodes.ts';

/** The snapshot of the machine at `node`; everything below it is in the cells of the step under way. */
export function restoreTree(nodes: TreeNodes, node: TreeNode, stored: Stored): AnyMachineSnapshot {
  const { logic } = node;
  assert(logic.kind === 'machine', 'only machines have snapshots of machines');
  return fromStored(stored, {
    machine: nodes.machineOf(node),
    definition: logic.definition,
    child: (child, childLogic) => {
      const made = nodes.remake(node, child);
      const cell: Cell = child.ended === undefined ? restored(nodes, made, child, childLogic) : { ...child.ended };
      nodes.underway.cells.set(made.ref, cell);
      return made.ref;
    },
    gone: ({ id, ended }) => nodes.departed(node, id, ended ?? { status: 'stopped' }),
  });
}

function restored(nodes: TreeNodes, node: TreeNode, stored: StoredChild, logic: ChildLogic): Cell {
  const { state, context, input } = stored;
  if (logic.kind === 'machine') {
    if (state === undefined) throw new Error(`'${node.ref.id}' was no machine when it was stored`);
    return restoreTree(nodes, node, state);
  }
  if (logic.kind === 'transition') return { status: 'active', context, output: undefined, error: undefined };
  return { status: 'active', input, output: undefined, error: undefined };
}
