import { expect } from '@playwright/test';
import { test } from './people.ts';

test('two people in two browsers edit one after the other', async ({ demo: { one, two } }) => {
  await one.edit();

  await two.see('edit-button').click();
  await expect(two.see('locked-message')).toBeVisible();
  await expect(two.see('locked-message')).toContainText('Project is being edited by another user');
  await expect(two.see('locked-by')).toContainText('User 1');

  const note = `Written by User 1 at ${Date.now()}`;
  await one.see('notes').fill(note);
  await one.see('save-button').click();
  await expect(one.see('editing-indicator')).toBeHidden();

  await two.see('edit-button').click();
  await expect(two.see('editing-indicator')).toBeVisible();
  await expect(two.see('notes')).toHaveValue(note);
  await expect(one.see('locked-by')).toContainText('User 2');
  await two.see('cancel-button').click();
  await expect(one.see('locked-message')).toBeHidden();
});

test('whoever asks while another edits is refused after a moment, and sees why', async ({ people: { one, two } }) => {
  await one.edit();
  await two.see('edit-button').click();
  await expect(two.see('edit-button')).toHaveText('Waiting …');
  await expect(two.see('edit-button')).toHaveText('Edit');
  await expect(two.see('locked-by')).toContainText('User 1');
  await one.see('cancel-button').click();
});

test('a save shows up on the other page without a reload', async ({ people: { one, two } }) => {
  await one.edit();
  const name = `Renamed at ${Date.now()}`;
  await one.see('name').fill(name);
  await one.see('save-button').click();
  await expect(two.page.getByRole('heading', { level: 1 })).toHaveText(name);
  await expect(two.see('activity')).toContainText('saved a change');
});
