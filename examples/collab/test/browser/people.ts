import { type Browser, type BrowserContext, expect, type Locator, type Page, type TestInfo } from '@playwright/test';

/** Two people at two browsers, each with a server: the same one, or two of one cluster. */
export async function twoPeople(browser: Browser, info: TestInfo) {
  const { first, second } = info.project.metadata as { first: string; second: string };
  const projectId = await freshProject(first);
  const one = await personAt(browser, `${first}/projects/${projectId}`, 'User 1');
  const two = await personAt(browser, `${second}/projects/${projectId}`, 'User 2');
  return { one, two, projectId };
}

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

  async edit(): Promise<void> {
    await this.see('edit-button').click();
    await expect(this.see('editing-indicator')).toBeVisible();
  }
}

export async function personAt(browser: Browser, url: string, name: string): Promise<Person> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${url}?as=${encodeURIComponent(name)}`);
  const person = new Person(context, page);
  await expect(person.see('connection')).toHaveAttribute('data-state', 'connected');
  return person;
}

/** The demo's guests share project 123 only, so that is the one; whoever held it is gone by then. */
async function freshProject(server: string): Promise<string> {
  const guest = await fetch(`${server}/api/v1/auth/guest`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'Porter' }),
  });
  const { accessToken } = (await guest.json()) as { accessToken: string };
  const headers = { Authorization: `Bearer ${accessToken}` };
  await expect
    .poll(
      async () => {
        const lease = await fetch(`${server}/api/v1/projects/123/lease`, { headers });
        return ((await lease.json()) as { isLocked: boolean }).isLocked;
      },
      { timeout: 20_000 },
    )
    .toBe(false);
  return '123';
}
