// How the actors that people share are supervised. What one of them is asked is decided purely and
// changes nothing when it throws, so there is no half-done state to keep others away from, and a
// second try would throw again: the message is a dead letter, for the operator, and the actor takes
// the next one. To suspend it, as durable actors do by default, would let one bad request take a
// project, or the guests' door, from everybody.
export const takesTheNext = { retries: 0, directive: 'resume' } as const;
