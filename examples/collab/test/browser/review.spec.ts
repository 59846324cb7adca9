import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, type Locator } from '@playwright/test';
import { type Person, test } from './people.ts';

/** Three files in a circle at run time, two that types alone close, one beside them. */
const shop = {
  'cart.ts': "import { discountFor } from './discount.ts';\nexport const cart = () => discountFor('ada');\n",
  'discount.ts':
    "// Regulars pay less.\nimport { customer } from './customer.ts';\nexport const discountFor = customer;\n",
  'customer.ts': "import { cart } from './cart.ts';\nexport const customer = (id: string) => [id, cart];\n",
  'catalog.ts': "import { product } from './product.ts';\nexport interface Catalog { of: typeof product }\n",
  'product.ts': "import type { Catalog } from './catalog.ts';\nexport const product = (of?: Catalog) => of;\n",
  'main.ts': "import { cart } from './cart.ts';\ncart();\n",
};

const asUploads = (files: Readonly<Record<string, string>>) =>
  Object.entries(files).map(([name, text]) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) }));

async function reviewed(person: Person, files: Readonly<Record<string, string>>): Promise<void> {
  await person.see('review-files').setInputFiles(asUploads(files));
  await expect(person.see('board-status')).toHaveText('Done');
  await expect(person.see('solution')).toBeVisible();
}

/** Every file that the picture of a circle shows, once. */
async function membersIn(statement: Locator): Promise<string[]> {
  const shown = await statement.getByTestId('cycle').locator('code').allTextContents();
  return [...new Set(shown)].sort();
}

/** A request about the board on the page, past the page and at the other server where there are two. */
async function askTheBoard(person: Person, how: { method: string; path: string; data?: object }): Promise<void> {
  const { boardId, token } = await person.page.evaluate(() => {
    const recall = (part: string) => {
      const key = Object.keys(sessionStorage).find((name) => name.includes(part));
      return JSON.parse(sessionStorage.getItem(key ?? '') ?? '{}');
    };
    const { token } = recall('devmentor:session');
    return { boardId: recall('collab:review:').boardId, token: token.accessToken };
  });
  const { method, path, data } = how;
  const { second } = test.info().project.metadata as { second: string };
  const answer = await person.context.request.fetch(`${second}/api/v1/ai/blackboards/${boardId}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}` },
    ...(data === undefined ? {} : { data }),
  });
  expect(answer.ok(), await answer.text()).toBe(true);
}

test('a review names exactly the files of each circle, and leads to the lines it rests on', async ({
  demo: { one },
}) => {
  await reviewed(one, shop);
  await expect(one.see('statement')).toHaveCount(2);

  const circle = one.see('statement').filter({ hasText: '3 files import each other in a circle' });
  expect(await membersIn(circle)).toEqual(['cart.ts', 'customer.ts', 'discount.ts']);
  await expect(circle.getByTestId('cut')).toContainText('the import of discount.ts in cart.ts:1');

  const ground = circle.getByTestId('ground').filter({ hasText: 'imports ./customer.ts' });
  await ground.locator('summary').click();
  const evidence = ground.getByTestId('evidence');
  await expect(evidence).toContainText('discount.ts line 2');
  await expect(evidence.locator('mark')).toHaveText("import { customer } from './customer.ts';");

  const types = one.see('statement').filter({ hasText: 'only through imports of types' });
  await types.locator('summary').first().click();
  expect(await membersIn(types)).toEqual(['catalog.ts', 'product.ts']);
  await expect(types.getByTestId('cycle')).toContainText('types only');
});

test('contributions show who said them, on which level and about which file', async ({ demo: { one } }) => {
  await reviewed(one, shop);
  // Six files, what each imports, the graph, two circles.
  await expect(one.see('contribution-count')).toHaveText('15');
  const circle = one.see('contribution').filter({ hasText: 'architecture-cycles' }).filter({ hasText: 'cart.ts' });
  await expect(circle.getByTestId('contribution-level')).toHaveText('finding');
  await expect(circle).toContainText('100 %');
  await one.page.getByRole('button', { name: 'source 6' }).click();
  await expect(one.see('contribution')).toHaveCount(6);
});

test('what is contributed elsewhere arrives by itself, and the board goes on to say it', async ({ demo: { one } }) => {
  await reviewed(one, shop);
  const knowledge = { level: 'finding', value: { text: 'cart.ts has no test' }, confidence: 0.6 };
  await askTheBoard(one, { method: 'POST', path: '/contributions', data: { knowledge } });
  const said = one.see('contribution').filter({ hasText: 'cart.ts has no test' });
  await expect(said).toContainText('User 1');
  await expect(said).toContainText('60 %');
  const statement = one.see('statement').filter({ hasText: 'cart.ts has no test' });
  await expect(statement).toContainText('opinion');
});

test('a folder is reviewed with its paths, without what is not its own', async ({ demo: { one } }, info) => {
  const root = info.outputPath('shop');
  const files = {
    'src/a.ts': "import { b } from './deep/b.ts';\nexport const a = b;\n",
    'src/deep/b.ts': "import { a } from '../a.ts';\nexport const b = a;\n",
    'src/node_modules/other/index.js': "require('./index.js');\n",
    'src/README.md': '# Shop\n',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  await one.see('review-folder').setInputFiles(root);
  await expect(one.see('board-status')).toHaveText('Done');
  await expect(one.see('review-notice')).toContainText('Left out: 2');
  await expect(one.see('statement')).toHaveCount(1);
  expect(await membersIn(one.see('statement'))).toEqual(['a.ts', 'deep/b.ts']);
});

test('pasted code without a circle is said to have none', async ({ demo: { one } }) => {
  await one.page.getByText('Paste code instead').click();
  await one
    .see('review-paste')
    .fill("// file: a.ts\nimport { b } from './b.ts';\nb();\n// file: b.ts\nexport const b = () => 1;\n");
  await one.see('review-pasted').click();
  await expect(one.see('nothing-found')).toBeVisible();
  await one.see('board-close').click();
  await expect(one.see('review-example')).toBeVisible();
});

test('too much is refused before anything is sent, and says what would be fine', async ({ demo: { one } }) => {
  const many = Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`m${n}.ts`, '']));
  await one.see('review-files').setInputFiles(asUploads(many));
  await expect(one.see('review-notice')).toContainText('These are 501 files; a review takes 500');
  await one.see('review-files').setInputFiles(asUploads({ 'notes.txt': 'no code' }));
  await expect(one.see('review-notice')).toContainText('no TypeScript or JavaScript file');
  await expect(one.see('board')).toBeHidden();
});

test('a reload finds the board and the texts again; a board that was deleted is said to be gone', async ({
  demo: { one },
}) => {
  await one.see('review-example').click();
  await expect(one.see('statement')).toHaveCount(2);
  await one.page.reload();
  await expect(one.see('statement')).toHaveCount(2);
  await one.see('ground').first().locator('summary').click();
  await expect(one.see('evidence').first().locator('mark')).toContainText('import');

  await askTheBoard(one, { method: 'DELETE', path: '' });
  await one.page.reload();
  await expect(one.see('board-missing')).toBeVisible();
});

test('the way from the example to the evidence needs no mouse', async ({ demo: { one } }) => {
  const { keyboard } = one.page;
  await one.see('review-example').focus();
  await keyboard.press('Enter');
  await expect(one.see('solution')).toBeVisible();
  await one.page.getByRole('button', { name: 'Show the lines' }).first().focus();
  await keyboard.press('Enter');
  await expect(one.see('evidence').first()).toBeVisible();
  // The focus went along: Enter closes what it opened.
  await keyboard.press('Enter');
  await expect(one.see('evidence').first()).toBeHidden();
});
