// Smallest case
//
// Makes a case that fails into a story: first whatever is not needed is left out, in halves, one by one, and down to
// any few of them; then fast-check makes the values of what is left smaller, and then more of it may be needless.
//
//   SC1  A smaller case counts only if it fails as the first did: one check at least objects to both.
//   SC2  No more cases are played than are allowed, however many could be.
import type { Fault } from './fault.ts';
import type { Case } from './simulation.ts';

/** How a case failed. */
export interface Failed {
  /** The same check objects. */
  isLike(other: this): boolean;
}

export interface SmallestCaseOptions<Step, Failure extends Failed> {
  readonly drawn: Case<Step>;
  readonly failure: Failure;
  /** Plays a case: how it failed, or undefined. */
  readonly play: (tried: Case<Step>) => Promise<Failure | undefined>;
  /** Hands out the case as it was drawn, and then, whenever one is refused by a throw, smaller ones of it. */
  readonly simpler: (use: (one: Case<Step>) => Promise<void>) => Promise<unknown>;
  readonly text: (one: Case<Step>) => string;
}

export interface SmallestCase<Step, Failure> {
  readonly case: Case<Step>;
  readonly failure: Failure;
  /** How often it was made smaller. */
  readonly shrinks: number;
}

/** So many cases are played to leave things out, and so many for smaller values. */
const MOST_LEFT_OUT = 600;
const MOST_SIMPLER = 300;

/** Of so many left it is tried whether so few will do. */
const MANY = 12;
const FEW = 4;
/** What one step does is counted so often, at most. */
const MOST_SOONER = 6;

/** Which steps and faults of the case as it was drawn are there. */
interface Kept {
  readonly steps: readonly number[];
  readonly faults: readonly number[];
  /** By so much sooner faults strike that count: fewer steps have fewer calls. */
  readonly sooner: number;
}

class Refused extends Error {}

export async function smallestCase<Step, Failure extends Failed>(
  options: SmallestCaseOptions<Step, Failure>,
): Promise<SmallestCase<Step, Failure>> {
  const search = new Search(options);
  await search.leaveOut();
  await search.simplify();
  await search.leaveOut();
  return search.found;
}

class Search<Step, Failure extends Failed> {
  readonly #options: SmallestCaseOptions<Step, Failure>;
  /** As it was drawn, with smaller values where those were found. */
  #whole: Case<Step>;
  #kept: Kept;
  #failure: Failure;
  #shrinks = 0;
  #played = 0;

  constructor(options: SmallestCaseOptions<Step, Failure>) {
    this.#options = options;
    const { drawn, failure } = options;
    this.#whole = drawn;
    this.#failure = failure;
    this.#kept = { steps: [...drawn.steps.keys()], faults: [...drawn.faults.keys()], sooner: 0 };
  }

  get found(): SmallestCase<Step, Failure> {
    return { case: this.#of(this.#whole, this.#kept), failure: this.#failure, shrinks: this.#shrinks };
  }

  async leaveOut(): Promise<void> {
    this.#played = 0;
    do await this.#leaveOutRuns();
    while ((await this.#leaveOutCounted()) || (await this.#keepFew()));
  }

  async #leaveOutRuns(): Promise<void> {
    let before: number;
    do {
      before = this.#shrinks;
      const size = Math.max(this.#kept.steps.length, this.#kept.faults.length);
      for (let width = Math.ceil(size / 2); width >= 1; width = width === 1 ? 0 : Math.ceil(width / 2)) {
        await this.#leaveOutOf('faults', width);
        await this.#leaveOutOf('steps', width);
      }
    } while (this.#shrinks > before && this.#played < MOST_LEFT_OUT);
  }

  /** One step, and with it what a fault counted of it. */
  async #leaveOutCounted(): Promise<boolean> {
    const { steps, faults, sooner } = this.#kept;
    if (steps.length > MANY || at(this.#whole.faults, faults).every((fault) => countOf(fault) === undefined))
      return false;
    for (const step of steps)
      for (let more = 1; more <= MOST_SOONER; more++) {
        if (this.#played >= MOST_LEFT_OUT) return false;
        const without = steps.filter((one) => one !== step);
        if (await this.#try(this.#whole, { steps: without, faults, sooner: sooner + more })) return true;
      }
    return false;
  }

  /** Each of those left may be there only because of another: the fewest that fail together. */
  async #keepFew(): Promise<boolean> {
    const { steps, faults, sooner } = this.#kept;
    const count = steps.length + faults.length;
    if (count > MANY) return false;
    for (let few = 0; few < Math.min(count, FEW + 1); few++)
      for (const places of choices(count, few)) {
        if (this.#played >= MOST_LEFT_OUT) return false;
        const beyond = places.map((place) => place - steps.length);
        const kept = { steps: at(steps, places), faults: at(faults, beyond), sooner };
        if (await this.#try(this.#whole, kept)) return true;
      }
    return false;
  }

  /** Runs of so many, from the last to the first: what comes late was seldom needed. */
  async #leaveOutOf(part: 'steps' | 'faults', width: number): Promise<void> {
    for (let end = this.#kept[part].length; end > 0; end -= width) {
      if (this.#played >= MOST_LEFT_OUT) return;
      const there = this.#kept[part];
      const fewer = [...there.slice(0, Math.max(0, end - width)), ...there.slice(end)];
      await this.#try(this.#whole, { ...this.#kept, [part]: fewer });
    }
  }

  /** What was left out stays out: only cases of the same length are looked at, and of them what is kept. */
  async simplify(): Promise<void> {
    const { drawn, simpler, text } = this.#options;
    this.#played = 0;
    await simpler(async (one) => {
      if (one.steps.length !== drawn.steps.length || one.faults.length !== drawn.faults.length) return;
      const isFirst = this.#played++ === 0;
      if (isFirst) throw new Refused();
      const isSame = text(this.#of(one, this.#kept)) === text(this.#of(this.#whole, this.#kept));
      if (isSame || this.#played > MOST_SIMPLER) {
        this.#played -= isSame ? 1 : 0;
        return;
      }
      if (await this.#try(one, this.#kept)) throw new Refused();
    });
  }

  async #try(whole: Case<Step>, kept: Kept): Promise<boolean> {
    const { play, failure: first } = this.#options;
    this.#played += 1;
    const failure = await play(this.#of(whole, kept));
    if (failure === undefined || !first.isLike(failure)) return false;
    this.#whole = whole;
    this.#kept = kept;
    this.#failure = failure;
    this.#shrinks += 1;
    return true;
  }

  #of({ seed, steps, faults }: Case<Step>, kept: Kept): Case<Step> {
    const there = at(faults, kept.faults).map((fault) => strikingSooner(fault, kept.sooner));
    return { seed, steps: at(steps, kept.steps), faults: there };
  }
}

/** The calls, messages or crossings after which it strikes. */
function countOf(fault: Fault): number | undefined {
  if (fault.kind === 'crash') return 'crossing' in fault.at ? fault.at.crossing : undefined;
  return fault.kind === 'call' || fault.kind === 'message' ? fault.nth : undefined;
}

function strikingSooner(fault: Fault, by: number): Fault {
  const nth = Math.max(1, (countOf(fault) ?? 0) - by);
  if (fault.kind === 'crash') return 'crossing' in fault.at ? { ...fault, at: { crossing: nth } } : fault;
  return fault.kind === 'call' || fault.kind === 'message' ? { ...fault, nth } : fault;
}

/** Every choice of so many out of the first `count` numbers. */
function* choices(count: number, many: number, from = 0): Generator<readonly number[]> {
  if (many === 0) yield [];
  else
    for (let one = from; one <= count - many; one++)
      for (const others of choices(count, many - 1, one + 1)) yield [one, ...others];
}

function at<T>(list: readonly T[], places: readonly number[]): readonly T[] {
  const wanted = new Set(places);
  return list.filter((_, place) => wanted.has(place));
}
