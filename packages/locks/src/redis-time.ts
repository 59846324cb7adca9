// What time it is, to a script
//
// A script that needs the time begins with lines that put it into `us`, in microseconds: the server's, unless
// its store was given other lines. Nothing else in a script reads a clock.

/** The first lines of a script, and what they take of its arguments. */
export interface ScriptTime {
  /** Lua: sets `us`. */
  readonly prelude: string;
  /** Stand after all other arguments. */
  readonly args: () => readonly string[];
}

export const SERVER_TIME: ScriptTime = {
  prelude: `local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
`,
  args: () => [],
};

/** The caller's time, for tests that replay it: the last argument, which no script sees. */
export function givenTime(us: () => number): ScriptTime {
  return { prelude: 'local us = tonumber(table.remove(ARGV))\n', args: () => [`${us()}`] };
}
