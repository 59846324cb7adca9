const CR = 13;
const LF = 10;
const NOTHING = Buffer.alloc(0);

/** Kinds of frame by their first byte: a line, a text of a length, so many frames. */
const LINES = '+-:_#,(';
const TEXTS = '$=!';
const LISTS = '*~>';
const PAIRS = '%|';

/** Cuts a stream of Redis's protocol (2 and 3, and inline requests) into its requests or replies. */
export class RespFrames {
  #rest: Buffer = NOTHING;

  /** The frames that are complete with this chunk; the rest is kept for the next. */
  push(chunk: Buffer): Buffer[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Buffer[] = [];
    let at = 0;
    for (let end = frameEnd(bytes, at); end > 0; end = frameEnd(bytes, at)) {
      frames.push(bytes.subarray(at, end));
      at = end;
    }
    this.#rest = bytes.subarray(at);
    return frames;
  }
}

/** The name of a request's command, in lower case. */
export function commandOf(frame: Buffer): string {
  return firstText(frame).toLowerCase();
}

/** What comes beside the replies: a pushed message, or, in version 2, what a subscription brings. */
export function isPushed(frame: Buffer): boolean {
  if (frame[0] === 0x3e) return true;
  return frame[0] === 0x2a && /^[ps]?(message|subscribe|unsubscribe)$/.test(firstText(frame));
}

/** The first text of a list, or the first word of an inline request. */
function firstText(frame: Buffer): string {
  if (frame[0] !== 0x2a && frame[0] !== 0x3e) return frame.toString('latin1').trim().split(/\s/, 1)[0] ?? '';
  const header = lineEnd(frame, 0);
  const text = lineEnd(frame, header);
  if (header < 0 || text < 0) return '';
  return frame.toString('latin1', text, text + Number(frame.toString('latin1', header + 1, text - 2)));
}

/** Where the frame that starts at `start` ends; -1 while it is incomplete. */
function frameEnd(bytes: Buffer, start: number): number {
  let at = start;
  for (let open = 1; open > 0; open -= 1) {
    if (at >= bytes.length) return -1;
    const kind = String.fromCharCode(bytes[at] as number);
    const line = lineEnd(bytes, at);
    if (line < 0) return -1;
    const count = Number(bytes.toString('latin1', at + 1, line - 2));
    at = line;
    if (TEXTS.includes(kind)) {
      // A text that is not there has length -1 and no bytes, not even the two that end it.
      if (count >= 0) at += count + 2;
      if (at > bytes.length) return -1;
    } else if (LISTS.includes(kind)) open += Math.max(0, count);
    else if (PAIRS.includes(kind)) open += 2 * count + (kind === '|' ? 1 : 0);
    else if (!LINES.includes(kind)) return line;
  }
  return at;
}

/** Behind the next CR LF, or -1. */
function lineEnd(bytes: Buffer, from: number): number {
  if (from < 0) return -1;
  const at = bytes.indexOf(LF, from);
  return at > 0 && bytes[at - 1] === CR ? at + 1 : -1;
}
