// A claim seen by a second browser: one page claims by its Edit button, the other shows who.
//
// Both moments are taken inside the pages, on the machine's one clock, so the way to and from
// the browser under automation is no part of them.
import type { Browser, Page } from 'playwright-core';

export interface Pair {
  readonly holder: Page;
  readonly other: Page;
}

export interface Seen {
  /** From the click on Edit to the other page's change. */
  readonly fromClickMs: number;
  /** From the holder's own page showing its claim; negative when the other was told first. */
  readonly fromAnswerMs: number;
}

/** Two people in two browser contexts on project 123. */
export async function openPair(browser: Browser, holderAt: string, otherAt: string): Promise<Pair> {
  const open = async (url: string, name: string): Promise<Page> => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${url}/projects/123?as=${name}`);
    await page.locator('[data-state="connected"]').waitFor();
    await page.getByTestId('edit-button').waitFor();
    return page;
  };
  return { holder: await open(holderAt, 'Ada'), other: await open(otherAt, 'Bob') };
}

/** One claim by the holder, seen by the other, and given back before it ends. */
export async function claimOnce({ holder, other }: Pair): Promise<Seen> {
  const atOther = await moment(other, 'locked-by', 'there');
  const atHolder = await moment(holder, 'editing-indicator', 'there');
  const clickedMs = await click(holder, 'edit-button');
  const [seenMs, answeredMs] = await Promise.all([atOther(), atHolder()]);

  const gone = [await moment(other, 'locked-by', 'gone'), await moment(holder, 'cancel-button', 'gone')];
  await click(holder, 'cancel-button');
  await Promise.all(gone.map((happened) => happened()));
  return { fromClickMs: seenMs - clickedMs, fromAnswerMs: seenMs - answeredMs };
}

/** Starts to watch for an element; the function it returns resolves with when it came or went. */
async function moment(page: Page, testId: string, wanted: 'there' | 'gone'): Promise<() => Promise<number>> {
  const watch = await page.evaluateHandle(
    ([id, want]) => {
      const happened = new Promise<number>((resolve) => {
        const look = (): void => {
          const isThere = document.querySelector(`[data-testid="${id}"]`) !== null;
          if (isThere !== (want === 'there')) return;
          observer.disconnect();
          resolve(performance.timeOrigin + performance.now());
        };
        const observer = new MutationObserver(look);
        observer.observe(document.body, { childList: true, subtree: true });
        look();
      });
      return { happened };
    },
    [testId, wanted] as const,
  );
  return () => watch.evaluate(({ happened }) => happened);
}

function click(page: Page, testId: string): Promise<number> {
  return page.evaluate((id) => {
    const atMs = performance.timeOrigin + performance.now();
    document.querySelector<HTMLElement>(`[data-testid="${id}"]`)?.click();
    return atMs;
  }, testId);
}
