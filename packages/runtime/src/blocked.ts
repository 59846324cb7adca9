// Why nothing happens in an actor, in sentences, the first reason first. Pure.
import type { Inspection } from './inspection.ts';

/** What holds an actor up; nothing for one that only has nothing to do. */
export function blockedBy(seen: Omit<Inspection, 'blocked'>): readonly string[] {
  const reasons: string[] = [];
  const { halt, failing, heldMs = 0 } = seen;
  switch (seen.phase) {
    case 'loading':
      reasons.push('its record is being read');
      break;
    case 'frozen':
      reasons.push('the outcome of its last commit is not known: the store is asked');
      break;
    case 'quarantined':
      reasons.push(`its record cannot be trusted, or not be read, until this node starts again: ${seen.fault}`);
      break;
    default:
      break;
  }
  if (halt?.kind === 'suspended') reasons.push(`it is suspended until somebody resumes it: ${halt.why}`);
  if (halt?.kind === 'stopped')
    reasons.push(`it has stopped, and takes nothing until somebody restarts it: ${halt.why}`);
  if (failing !== undefined) {
    const until = heldMs > 0 ? `, when the breaker of its type closes in ${Math.ceil(heldMs)} ms` : '';
    reasons.push(
      `its first message or timer failed ${failing} times and is tried again${until}; what is behind it waits`,
    );
  }
  for (const { to, messages, refusal } of seen.owes)
    if (refusal !== undefined) reasons.push(`${messages} of its messages to ${to} are not delivered: ${refusal}`);
  return reasons;
}
