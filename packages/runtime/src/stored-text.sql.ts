import { recordUnreadable } from './store-faults.ts';

/** What was parsed from stored text. Text that is not JSON was not written by a store: `RECORD_UNREADABLE`. */
export function parsedText<T>(id: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SyntaxError) throw recordUnreadable(id, error.message);
    throw error;
  }
}
