import {
  type APIRequestContext,
  type Browser,
  type BrowserContext,
  test as base,
  expect,
  type Locator,
  type Page,
} from '@playwright/test';

/** Somebody at a browser of his own. */
export class Person {
  readonly context: BrowserContext;
  readonly page: Page;

  constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
  }

  see(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  /** Opens a project and waits until its events arrive. */
  async visit(server: string, name: string, projectId: string): Promise<void> {
    await this.page.goto(`${server}/projects/${projectId}?as=${encodeURIComponent(name)}`);
    await expect(this.see('connection')).toHaveAttribute('data-state', 'connected');
    await expect(this.see('edit-button')).toBeVisible();
  }

  async edit(): Promise<void> {
    await this.see('edit-button').click();
    await expect(this.see('editing-indicator')).toBeVisible();
  }
}

export interface TwoPeople {
  readonly one: Person;
  readonly two: Person;
}

interface Fixtures {
  /** Two people on project 123; each at a server, the same one or two of one cluster. */
  demo: TwoPeople;
  /** The same on a project of their own, which nobody has touched. */
  people: TwoPeople;
}

export const test = base.extend<Fixtures>({
  demo: async ({ browser }, use, { project }) => {
    const { first, second } = project.metadata as { first: string; second: string };
    const one = await personAt(browser);
    const two = await personAt(browser);
    await one.visit(first, 'User 1', '123');
    await two.visit(second, 'User 2', '123');
    await use({ one, two });
    await Promise.all([one.context.close(), two.context.close()]);
  },
  people: async ({ browser, request }, use, { project }) => {
    const { first, second } = project.metadata as { first: string; second: string };
    const one = await personAt(browser);
    const two = await personAt(browser);
    await one.visit(first, 'User 1', '123');
    await two.visit(second, 'User 2', '123');
    const projectId = await ownProject(request, first, await signInOf(one), await signInOf(two));
    await one.visit(first, 'User 1', projectId);
    await two.visit(second, 'User 2', projectId);
    await use({ one, two });
    await Promise.all([one.context.close(), two.context.close()]);
  },
});

async function personAt(browser: Browser): Promise<Person> {
  const context = await browser.newContext();
  return new Person(context, await context.newPage());
}

interface SignIn {
  readonly accessToken: string;
  readonly user: { readonly id: string };
}

async function signInOf(person: Person): Promise<SignIn> {
  const text = await person.page.evaluate(() => {
    const key = Object.keys(sessionStorage).find((name) => name.endsWith('devmentor:session'));
    return key === undefined ? null : sessionStorage.getItem(key);
  });
  return (JSON.parse(text ?? '{}') as { token: SignIn }).token;
}

async function ownProject(request: APIRequestContext, server: string, owner: SignIn, other: SignIn): Promise<string> {
  const headers = { Authorization: `Bearer ${owner.accessToken}` };
  const created = await request.post(`${server}/api/v1/projects`, { headers, data: { name: 'Their own' } });
  expect(created.status()).toBe(201);
  const { id } = (await created.json()) as { id: string };
  const added = await request.put(`${server}/api/v1/projects/${id}/collaborators/${other.user.id}`, { headers });
  expect(added.status()).toBe(204);
  return id;
}
