// Where the page puts what is in view. The text of this function goes into the page, so it uses
// nothing that is not handed to it.
//
//   Time runs downwards and is elastic: what happens at one instant stands line under line, and an
//   hour without anything is as high as four lines.
import type { Layout, PageData, Topic, View } from './timeline.html.data.ts';

/** Pure: the same view of the same data stands at the same places. */
export function layOut(data: PageData, view: View): Layout {
  const gutter = 84;
  const lineHigh = 24;
  const arriveHigh = 11;
  const quietMs = 500;

  const topicOf = (at: number): Topic => {
    const moment = data.moments[at];
    if (moment === undefined) return 'notes';
    if (moment.routine && moment.tone !== 'lost') return 'heartbeats';
    if (moment.kind === 'fault') return 'faults';
    if (moment.kind === 'note') return 'notes';
    return moment.kind === 'call' || moment.kind === 'return' ? 'operations' : 'messages';
  };
  const found = (at: number): boolean => {
    const moment = data.moments[at];
    if (moment === undefined) return false;
    return view.search === '' || `${moment.text} ${moment.detail ?? ''}`.toLowerCase().includes(view.search);
  };

  const shownLanes = data.lanes.flatMap((_, lane) => (view.hiddenLanes.has(lane) ? [] : [lane]));
  const laneGap = Math.max(104, (view.width - gutter - 8) / Math.max(1, shownLanes.length));
  const laneX: (number | undefined)[] = data.lanes.map(() => undefined);
  for (const [place, lane] of shownLanes.entries()) laneX[lane] = gutter + laneGap * (place + 0.5);

  const endedBy: (number | undefined)[] = data.moments.map(() => undefined);
  for (const [at, { since }] of data.moments.entries()) if (since !== undefined) endedBy[since] = at;

  const isShown = (at: number): boolean => {
    const moment = data.moments[at];
    if (moment === undefined || view.hiddenKinds.has(topicOf(at))) return false;
    // The end of something is in view as long as its beginning is.
    const begun = moment.since === undefined ? moment : data.moments[moment.since];
    const lanes = [moment.lane, begun?.lane, begun?.to].filter((lane) => lane !== undefined);
    if (moment.lane !== undefined && lanes.some((lane) => view.hiddenLanes.has(lane))) return false;
    const partner = moment.since ?? endedBy[at];
    return found(at) || (partner !== undefined && found(partner));
  };

  const y: (number | undefined)[] = data.moments.map(() => undefined);
  const shown: number[] = [];
  const quiet: { y: number; ms: number }[] = [];
  let height = 16;
  let lastMs: number | undefined;
  for (const [at, moment] of data.moments.entries()) {
    if (!isShown(at)) continue;
    const sinceMs = lastMs === undefined ? 0 : moment.atMs - lastMs;
    const stretch = sinceMs <= 0 ? 0 : Math.min(60, 4 * Math.log2(1 + sinceMs));
    if (sinceMs >= quietMs) quiet.push({ y: height + stretch / 2 + 4, ms: sinceMs });
    height += stretch + (moment.kind === 'arrive' ? arriveHigh : lineHigh);
    y[at] = height;
    shown.push(at);
    lastMs = moment.atMs;
  }
  height += 40;

  const slot = data.moments.map(() => 0);
  const outermost = data.moments.map(() => 0);
  const busy = new Map<number, Set<number>>();
  for (const at of shown) {
    const moment = data.moments[at];
    if (moment?.lane === undefined) continue;
    const taken = busy.get(moment.lane) ?? new Set<number>();
    busy.set(moment.lane, taken);
    outermost[at] = Math.max(0, ...taken);
    if (moment.kind === 'return' && moment.since !== undefined) taken.delete(slot[moment.since] ?? 0);
    if (moment.kind !== 'call') continue;
    let free = 0;
    while (taken.has(free)) free++;
    slot[at] = free;
    // One that is never answered stands to the end, and would push all later ones aside.
    if (endedBy[at] !== undefined) taken.add(free);
    outermost[at] = Math.max(free, ...taken);
  }

  const heightAt = (ms: number): number => {
    let low = 0;
    let high = shown.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((data.moments[shown[middle] ?? 0]?.atMs ?? 0) < ms) low = middle + 1;
      else high = middle;
    }
    const next = shown[low];
    return next === undefined ? height - 12 : (y[next] ?? 0) - 12;
  };
  const spans = data.spans.flatMap((span) => {
    const top = heightAt(span.fromMs);
    const bottom = span.toMs === undefined ? height - 12 : heightAt(span.toMs);
    return [{ span, top, bottom: Math.max(bottom, top + 8) }];
  });
  const width = Math.max(view.width, gutter + laneGap * shownLanes.length + 8);
  return { width, height, laneGap, laneX, shown, y, endedBy, slot, outermost, spans, quiet };
}
