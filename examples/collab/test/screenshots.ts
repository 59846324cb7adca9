// Takes the pictures of the README: two people at one project, side by side, and a review.
// Run by `pnpm --filter @devmentor/example-collab screenshots` after a build of the page.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from '@devmentor/server';
import { type Browser, chromium, type Page } from '@playwright/test';
import { findChromium } from '../../../test/chromium.ts';

const directory = join(import.meta.dirname, '..', 'docs');
const size = { width: 660, height: 760 };

mkdirSync(directory, { recursive: true });
const browser = await chromium.launch({ executablePath: findChromium(), args: ['--disable-dev-shm-usage'] });
try {
  for (const colorScheme of ['light', 'dark'] as const) await takePictures(browser, colorScheme);
} finally {
  await browser.close();
}

async function takePictures(browser: Browser, colorScheme: 'light' | 'dark'): Promise<void> {
  await using server = await createServer({ demo: true, ui: join(import.meta.dirname, '..', 'dist') });
  const open = async (name: string, width = size.width): Promise<Page> => {
    const context = await browser.newContext({ viewport: { ...size, width }, colorScheme });
    const page = await context.newPage();
    await page.goto(`${server.url}/projects/123?as=${encodeURIComponent(name)}`);
    await page.locator('[data-testid="connection"][data-state="connected"]').waitFor();
    return page;
  };
  const ada = await open('Ada Moreno');
  const sam = await open('Sam Iwu');
  await ada.getByTestId('edit-button').click();
  await ada.getByTestId('name').fill('Onboarding guide');
  await ada.getByTestId('description').fill('What a new colleague needs in the first week.');
  await ada.getByTestId('notes').fill('Day 1: accounts, a first build, lunch with the team.');
  await ada.getByTestId('save-button').click();
  await sam.getByText('saved a change').waitFor();
  await ada.getByTestId('edit-button').click();
  await ada
    .getByTestId('notes')
    .fill('Day 1: accounts, a first build, lunch with the team.\nDay 2: pick a small issue together.');
  await sam.getByTestId('edit-button').click();
  await sam
    .getByTestId('edit-button')
    .filter({ hasText: /^Edit$/ })
    .waitFor();
  await sideBySide(browser, [ada, sam], join(directory, `two-people-${colorScheme}.png`));

  const list = await open('Kim', 1000);
  await list.getByRole('navigation').getByRole('link', { name: 'Projects' }).click();
  await list.getByText('is editing').waitFor();
  await list.screenshot({ path: join(directory, `projects-${colorScheme}.png`) });
  await takeReview(await open('Noa', 1000), join(directory, `review-${colorScheme}.png`));
  const phone = await open('Lee', 390);
  await phone.screenshot({ path: join(directory, `phone-${colorScheme}.png`), fullPage: true });
  await Promise.all([ada, sam, list, phone].map((page) => page.context().close()));
}

/** The example, one circle opened down to its lines. */
async function takeReview(page: Page, path: string): Promise<void> {
  // Room for all of it: the bar at the top stays where it is when a page scrolls.
  await page.setViewportSize({ width: 1000, height: 2_400 });
  await page.getByTestId('review-example').click();
  await page.getByTestId('solution').waitFor();
  await page.getByTestId('ground').first().locator('summary').click();
  await page.mouse.move(0, 0);
  await page.getByTestId('review').screenshot({ path, animations: 'disabled' });
  await page.context().close();
}

async function sideBySide(browser: Browser, pages: readonly Page[], path: string): Promise<void> {
  const shots = await Promise.all(pages.map((page) => page.screenshot()));
  const images = shots.map(
    (shot) => `<img width="${size.width}" src="data:image/png;base64,${shot.toString('base64')}">`,
  );
  const viewport = { width: size.width * 2 + 72, height: size.height + 48 };
  const context = await browser.newContext({ viewport });
  const frame = await context.newPage();
  await frame.setContent(
    `<style>body{margin:0;padding:24px;display:flex;gap:24px;background:#8b90a5}img{border-radius:14px;box-shadow:0 8px 30px #0005}</style>${images.join('')}`,
  );
  await frame.screenshot({ path });
  await context.close();
}
