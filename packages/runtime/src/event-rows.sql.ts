// What both SQL dialects keep of a topic.
import type { Json } from './json.ts';
import { jsonText, jsonValue } from './json-text.ts';
import type { TopicEvent } from './log-store.ts';
import { defaultStoreLimits } from './store-limits.ts';
import { parsedText } from './stored-text.sql.ts';

export type EventRow = {
  readonly id: string;
  readonly prev: string;
  readonly type: string;
  readonly atMs: number;
  readonly data: string;
};

export const keptEvents = 1_000;
/** Old events are dropped in groups of this many: appending stays cheap. */
export const trimmedAtOnce = 250;

export interface EventText {
  readonly type: string;
  readonly text: string;
}

export function eventTexts(events: readonly { readonly type: string; readonly data: Json }[]): readonly EventText[] {
  return events.map(({ type, data }, i) => ({
    type,
    text: jsonText(data, `events[${i}].data`, defaultStoreLimits.messageBytes),
  }));
}

export function eventOf(topic: string, { data, ...row }: EventRow): TopicEvent {
  return { topic, ...row, data: parsedText(topic, () => jsonValue(data)) };
}
