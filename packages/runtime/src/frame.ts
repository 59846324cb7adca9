// Frame
//
// How messages travel over NATS: one or many in one server message, binary, so that those of one
// tick share its cost. A frame that does not read as one is dropped.
//
//   FR1  byte 0 is the format (1); then, per item: id (u32), length of the body (u32), the body;
//        numbers are big-endian and the items fill the frame exactly.
//   FR2  In a frame that asks, id 0 wants no answer; other ids follow each other, and the frame's
//        reply subject is `_INBOX.<node>.<first id>.<count>`, which tells whom a server's
//        "no responders" (status 503, no body) is about.
//   FR3  Answers go to `_INBOX.<node>.r`, each under the id it answers; frames of several askers
//        are never mixed.
const format = 1;
const itemHeadBytes = 8;

/** Bytes of a frame around a single body. */
export const FRAME_OVERHEAD_BYTES = 1 + itemHeadBytes;

export interface FrameItem {
  readonly id: number;
  readonly body: Buffer;
}

export function encodeFrame(items: readonly FrameItem[]): Buffer {
  let size = 1;
  for (const { body } of items) size += itemHeadBytes + body.length;
  const frame = Buffer.allocUnsafe(size);
  frame[0] = format;
  let at = 1;
  for (const { id, body } of items) {
    frame.writeUInt32BE(id, at);
    frame.writeUInt32BE(body.length, at + 4);
    body.copy(frame, at + itemHeadBytes);
    at += itemHeadBytes + body.length;
  }
  return frame;
}

/** The items, as views into the frame; `undefined` for what is not a frame. */
export function decodeFrame(data: Uint8Array): readonly FrameItem[] | undefined {
  const frame = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (frame[0] !== format) return undefined;
  const items: FrameItem[] = [];
  let at = 1;
  while (at < frame.length) {
    const start = at + itemHeadBytes;
    if (start > frame.length) return undefined;
    const end = start + frame.readUInt32BE(at + 4);
    if (end > frame.length) return undefined;
    items.push({ id: frame.readUInt32BE(at), body: frame.subarray(start, end) });
    at = end;
  }
  return items;
}

/** The place where one node's answers arrive. */
export interface Inbox {
  readonly answers: string;
  /** To subscribe to. */
  readonly all: string;
  replyFor(firstId: number, count: number): string;
  /** Reads back `replyFor` from the subject of a "no responders". */
  asked(subject: string): { readonly firstId: number; readonly count: number } | undefined;
}

export function inboxOf(node: string): Inbox {
  const base = `_INBOX.${node}`;
  return {
    answers: `${base}.r`,
    all: `${base}.>`,
    replyFor: (firstId, count) => `${base}.${firstId}.${count}`,
    asked: (subject) => {
      const [firstId, count] = subject
        .slice(base.length + 1)
        .split('.')
        .map(Number);
      if (firstId === undefined || count === undefined) return undefined;
      return Number.isSafeInteger(firstId) && Number.isSafeInteger(count) && count <= MAX_FRAME_ITEMS
        ? { firstId, count }
        : undefined;
    },
  };
}

const replySubject = /^(_INBOX\.[A-Za-z0-9_-]{1,64})\.\d{1,10}\.\d{1,10}$/;

/** Where to answer a frame that came with this reply subject; `undefined` when it is none of ours. */
export function answersTo(reply: string | undefined): string | undefined {
  const base = reply === undefined ? undefined : replySubject.exec(reply)?.[1];
  return base === undefined ? undefined : `${base}.r`;
}

/** A frame with so many leaves at once: filling it further gains little, and its receiver can already begin. */
export const FULL_FRAME_ITEMS = 32;

/** Most items of a frame: more would make one receiver's turn long, and gains nothing. */
export const MAX_FRAME_ITEMS = 64;
