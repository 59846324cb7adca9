// Problems for boards whose outcome is known.
import type { BoardProblem, Solution } from '@devmentor/contracts';
import type { Tab } from './stand.ts';

/** Two files in a circle, a third one beside it. */
export const circle: BoardProblem = {
  title: 'Circle',
  description: 'Which modules import each other?',
  files: [
    { path: 'lease.ts', content: "import { Store } from './store.ts';\nexport const lease = () => Store;\n" },
    { path: 'store.ts', content: "import { lease } from './lease.ts';\nexport const Store = lease;\n" },
    { path: 'main.ts', content: "import { lease } from './lease.ts';\nlease();\n" },
  ],
};

/** As many files as wished, each importing the next one, without a circle. */
export function chain(length: number): BoardProblem {
  const files = Array.from({ length }, (_, n) => ({
    path: `m${n}.ts`,
    content: n + 1 < length ? `import { x } from './m${n + 1}.ts';\nexport { x };\n` : 'export const x = 1;\n',
  }));
  return { title: 'Chain', description: '', files };
}

/** A board that nobody works on, but the one who contributes. */
export async function quietBoard(tab: Tab): Promise<string> {
  const { id } = await tab.client.ai.openBlackboard({ problem: { title: 'Quiet', description: '' } });
  return id;
}

export function statementsOf({ statements }: Solution): string[] {
  return statements.map(({ text }) => text);
}
