import { expect } from '@playwright/test';
import { test } from './people.ts';

test('a reload keeps the claim and the unsaved text', async ({ people: { one, two } }) => {
  await one.edit();
  await one.see('notes').fill('not saved yet');
  await one.page.reload();
  await expect(one.see('editing-indicator')).toBeVisible();
  await expect(one.see('notes')).toHaveValue('not saved yet');
  await expect(two.see('locked-by')).toContainText('User 1');
  await one.see('cancel-button').click();
  await expect(two.see('locked-message')).toBeHidden();
});

test('a closed page gives its claim up within the grace time', async ({ people: { one, two } }) => {
  await one.edit();
  await expect(two.see('locked-message')).toBeVisible();
  await one.page.close();
  await expect(two.see('locked-message')).toBeHidden({ timeout: 15_000 });
});

test('leaving for the list of projects releases', async ({ people: { one, two } }) => {
  await one.edit();
  await expect(two.see('locked-message')).toBeVisible();
  await one.page.getByRole('navigation').getByRole('link', { name: 'Projects' }).click();
  await expect(two.see('locked-message')).toBeHidden();
});

test('a break of the line shorter than the grace is survived with claim and text', async ({ people: { one, two } }) => {
  await one.edit();
  await one.see('notes').fill('typed before the break');
  await one.context.setOffline(true);
  // Chromium lets open sockets live on while offline; the page itself comes to know by its ping.
  await one.page.evaluate(() => window.dispatchEvent(new Event('focus')));
  await one.context.setOffline(false);
  await expect(one.see('connection')).toHaveAttribute('data-state', 'connected');
  await expect(one.see('editing-indicator')).toBeVisible();
  await expect(one.see('notes')).toHaveValue('typed before the break');
  await one.see('save-button').click();
  await expect(two.see('notes')).toHaveValue('typed before the break');
});

test('a copied tab is another guest and does not share the claim', async ({ demo: { one } }) => {
  await one.edit();
  // What "duplicate tab" does: a new page that begins with a copy of the session storage.
  const [copy] = await Promise.all([
    one.context.waitForEvent('page'),
    one.page.evaluate(() => void window.open(location.href)),
  ]);
  await expect(copy.getByTestId('locked-by')).toContainText('User 1');
  await expect(copy.getByTestId('editing-indicator')).toBeHidden();
  await expect(one.see('editing-indicator')).toBeVisible();
  await one.see('cancel-button').click();
});
