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
  await expect(two.see('locked-message')).toBeHidden({ timeout: 20_000 });
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

test('a lost claim keeps the text, and a change made meanwhile is shown beside it', async ({
  people: { one, two },
}) => {
  await one.edit();
  await one.see('notes').fill('by User 1');
  // The claim ends behind the page's back, as it does for a laptop that was shut for too long.
  await one.page.evaluate(async () => {
    const recall = (end: string) => {
      const key = Object.keys(sessionStorage).find((name) => name.includes(end));
      return JSON.parse(sessionStorage.getItem(key ?? '') ?? '{}');
    };
    const { grant } = recall('devmentor:claim:');
    const { token } = recall('devmentor:session');
    await fetch(`/api/v1/projects/${grant.projectId}/release`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token.accessToken}` },
      body: JSON.stringify({ claimToken: grant.claimToken }),
    });
  });
  await expect(one.see('claim-lost')).toContainText('Your text is kept');
  await expect(one.see('notes')).toHaveValue('by User 1');

  await two.edit();
  await two.see('notes').fill('by User 2');
  await two.see('save-button').click();
  await expect(two.see('editing-indicator')).toBeHidden();

  await one.edit();
  await expect(one.see('mine')).toHaveText('by User 1');
  await expect(one.see('theirs')).toHaveText('by User 2');
  await one.see('keep-mine').click();
  await one.see('save-button').click();
  await expect(two.see('notes')).toHaveValue('by User 1');
});
