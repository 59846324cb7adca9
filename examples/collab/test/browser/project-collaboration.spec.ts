// biome-ignore-all format: the text below is the epic's own, to the letter.
// biome-ignore-all lint/correctness/noUnusedFunctionParameters: as above.
import { expect, test } from '@playwright/test';

// tests/e2e/project-collaboration.spec.ts
test('collaborative project editing', async ({ page, context }) => {
  // User 1 opens project
  const page1 = await context.newPage();
  await page1.goto('/projects/123');
  
  // User 1 claims project
  await page1.click('[data-testid="edit-button"]');
  await expect(page1.locator('[data-testid="editing-indicator"]')).toBeVisible();
  
  // User 2 tries to edit
  const page2 = await context.newPage();
  await page2.goto('/projects/123');
  await page2.click('[data-testid="edit-button"]');
  
  // Should show locked message
  await expect(page2.locator('[data-testid="locked-message"]')).toBeVisible();
  await expect(page2.locator('[data-testid="locked-by"]')).toContainText('User 1');
  
  // User 1 releases
  await page1.click('[data-testid="save-button"]');
  
  // User 2 can now edit
  await page2.click('[data-testid="edit-button"]');
  await expect(page2.locator('[data-testid="editing-indicator"]')).toBeVisible();
});
