import type { TraceEntry } from '@devmentor/runtime/simulation';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChromium } from '../../../../test/chromium.ts';
import { timelineHtml } from '../../src/simulation/timeline.html.ts';
import { faults, longTrace, shortTrace } from './trace.fixture.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await startChromium();
});

afterAll(async () => {
  await browser.close();
});

interface Opened {
  readonly page: Page;
  readonly asked: string[];
  readonly errors: string[];
}

async function open(
  html: string,
  options: { readonly javaScriptEnabled?: boolean; readonly width?: number } = {},
): Promise<Opened> {
  const { javaScriptEnabled = true, width = 1_200 } = options;
  const page = await browser.newPage({ viewport: { width, height: 700 }, javaScriptEnabled });
  const asked: string[] = [];
  const errors: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('dialog', (dialog) => {
    errors.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.setContent(html);
  if (javaScriptEnabled) await page.waitForSelector('.moment');
  return { page, asked, errors };
}

const details = async (page: Page): Promise<string> =>
  (await page.locator('.details :is(h2, dt, dd)').allTextContents()).join(' ');
const press = (page: Page, ...keys: readonly string[]): Promise<void> =>
  keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());

describe('timeline page', () => {
  it('[TL5] it asks for nothing, and draws without a fault', async () => {
    const { page, asked, errors } = await open(timelineHtml(shortTrace(), { faults, violations: ['two holders'] }));
    expect(await page.locator('svg .moment[role=option]').count()).toBeGreaterThan(10);
    expect(await page.locator('.violations').textContent()).toBe('two holders');
    expect(asked.filter((url) => !url.startsWith('about:'))).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('[TL5] nothing in its text points anywhere', () => {
    const html = timelineHtml(longTrace(20), { faults });
    expect(html).not.toMatch(/\b(src|href|action)=|@import|url\(|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    expect(html).toContain("default-src 'none'");
  });

  it('[TL5] without scripts it is the text', async () => {
    const { page } = await open(timelineHtml(shortTrace()), { javaScriptEnabled: false });
    expect(await page.locator('noscript').textContent()).toContain('└ #2 unknown');
  });

  it('[TL3] labels that are markup or script are shown as they are', async () => {
    const evil = `</script><img src=x onerror="alert(1)"><b>'"&`;
    const entries: TraceEntry[] = [
      { kind: 'fault', atMs: 0, node: 'n1', label: evil },
      { kind: 'call', atMs: 1, node: evil, id: 1, op: evil, key: evil, detail: evil },
      { kind: 'send', atMs: 2, node: 'n1', id: 1, to: evil, label: evil },
      { kind: 'lost', atMs: 3, node: 'n1', id: 1, why: evil },
    ];
    const told = { title: evil, facts: [[evil, evil]] as const, violations: [evil], steps: [evil] };
    const { page, errors, asked } = await open(timelineHtml(entries, told));
    expect(await page.locator('h1').textContent()).toBe(evil);
    expect(await page.locator('.lanes .node').allTextContents()).toContain(evil);
    await press(page, 'ArrowDown');
    expect(await details(page)).toContain(evil);
    expect(await page.locator('img').count()).toBe(0);
    expect(errors).toEqual([]);
    expect(asked.filter((url) => !url.startsWith('about:'))).toEqual([]);
  });

  it('[TL6] of 10,000 entries what is in sight is drawn, and the last is one key away', async () => {
    const entries = longTrace(1_700);
    expect(entries.length).toBeGreaterThan(10_000);
    const { page, errors } = await open(timelineHtml(entries));
    expect(await page.locator('svg *').count()).toBeLessThan(1_500);
    await press(page, 'End');
    await expect.poll(() => details(page)).toContain(`${entries.length} of ${entries.length}`);
    expect(await page.locator('.moment.chosen[role=option]').count()).toBe(1);
    expect(await page.locator('svg *').count()).toBeLessThan(1_500);
    expect(errors).toEqual([]);
  });

  it('[TL6] keys go to the next fault, to the other end, and along a lane', async () => {
    const { page } = await open(timelineHtml(shortTrace()));
    expect(await details(page)).toContain('stands still');
    await press(page, 'n');
    expect(await details(page)).toContain('grant doc:1: granted → lost lost-reply');
    await press(page, 'Enter');
    expect(await details(page)).toMatch(/where\s+locks\s+what\s+send/);
    await press(page, 'n', 'n');
    expect(await details(page)).toContain('crashes');
    await press(page, 'ArrowRight');
    expect(await details(page)).toContain('starts again');
    await press(page, 'Home');
    expect(await details(page)).toContain('n1, n2 and n3 are up');
    expect(await page.locator('.stage').getAttribute('aria-activedescendant')).toBe('m0');
  });

  it('[TL6] lanes, kinds and words are filtered', async () => {
    const { page } = await open(timelineHtml(shortTrace()));
    const shown = page.locator('svg .moment[role=option]');
    const all = await shown.count();
    await page.locator('.kind-chips .chip', { hasText: 'messages' }).click();
    await expect.poll(() => shown.count()).toBe(all - 8);
    await page.locator('.kind-chips .chip', { hasText: 'heartbeats' }).click();
    await expect.poll(() => shown.count()).toBe(all - 6);
    await page.locator('.lane-chips .chip', { hasText: 'n1' }).click();
    await expect.poll(() => page.locator('.lanes .node').allTextContents()).toEqual(['n2', 'n3']);
    await press(page, '/');
    await page.keyboard.type('stale');
    // The call stays in view with its answer.
    await expect.poll(() => shown.count()).toBe(2);
    await page.keyboard.type('nothing of that');
    await expect.poll(() => page.locator('.empty').isVisible()).toBe(true);
  });

  it('[TL6] a click says all of an entry, and a pointer the gist of it', async () => {
    const { page } = await open(timelineHtml(shortTrace()), { width: 420 });
    const claim = page.locator('#m1 .row');
    await claim.hover({ position: { x: 100, y: 8 } });
    expect(await page.locator('.tip').textContent()).toBe('12.25 ms · call · claim doc:1 · ttl 2000 → ok 1');
    await claim.click({ position: { x: 100, y: 8 } });
    expect(await details(page)).toMatch(/^claim doc:1 .* return ok 1, 1\.65 ms later/);
  });

  it('[TL7] what lasts is shaded', async () => {
    const { page } = await open(timelineHtml(shortTrace()));
    expect(await page.locator('svg .span.down').count()).toBe(1);
    expect(await page.locator('svg .span.fault').count()).toBe(1);
  });
});
