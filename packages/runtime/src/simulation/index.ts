// What was asked and seen, and whether it was right.
export {
  History,
  type HistoryRecord,
  type Invocation,
  mergeHistories,
  type Operation,
  type Outcome,
  type Pending,
  type Sighted,
  type Sighting,
} from './history.ts';
