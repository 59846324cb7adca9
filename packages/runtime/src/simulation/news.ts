// Which moments of a story a short picture tells.
import type { Story } from './story.ts';

/** Would be told if there were room: of a message its end at the node, and no routine that went well. */
export function isNews(story: Story, at: number): boolean {
  const moment = story.moments[at];
  if (moment === undefined) return false;
  const ofNode = moment.lane !== undefined && story.lanes[moment.lane]?.kind === 'node';
  if (moment.kind === 'send' || moment.kind === 'arrive') return ofNode && !moment.routine;
  return true;
}

/** What is told of a story where there is room for `most` moments. */
export function newsOf(story: Story, most: number): readonly number[] {
  const news = story.moments.flatMap((_, at) => (isNews(story, at) ? [at] : []));
  if (news.length <= most) return news;
  const isMessage = (at: number): boolean => ['send', 'arrive'].includes(story.moments[at]?.kind ?? '');
  const talk = news.filter((at) => !isMessage(at));
  if (talk.length <= most) return talk;
  // What went wrong and the calls it befell, then whatever is nearest to the end.
  const wrong = talk.filter((at) => ['fault', 'lost', 'unknown'].includes(story.moments[at]?.tone ?? ''));
  const kept = new Set(wrong.slice(-Math.ceil(most * 0.7)));
  const inTalk = new Set(talk);
  for (const at of [...kept]) {
    const since = story.moments[at]?.since;
    if (since !== undefined && inTalk.has(since) && kept.size < most) kept.add(since);
  }
  for (let place = talk.length - 1; place >= 0 && kept.size < most; place--) kept.add(talk[place] ?? 0);
  return [...kept].sort((a, b) => a - b);
}
