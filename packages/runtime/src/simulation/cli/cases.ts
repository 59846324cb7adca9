// Where failing cases are kept: one name, three files.
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type CaseFile, writeCaseFile, writeWhole } from '../case-file.ts';
import { faultLabel } from '../fault-label.ts';
import { timelineHtml } from '../timeline.html.ts';
import { timeline } from '../timeline.ts';

/** Keeps a case as JSON, as a page and as text; answers the path of the JSON. */
export function keepCase(out: string, module: string, file: CaseFile): string {
  // A name may hold anything; a file of a case begins with what is readable of it.
  const safe = file.simulation.replace(/[^\w.-]+/g, '_').slice(0, 80);
  const path = join(out, `${safe}-${file.seed}.json`);
  const kept: CaseFile = { ...file, module: relative(dirname(resolve(path)), resolve(module)) };
  writeCaseFile(path, kept);
  writeWhole(withEnding(path, 'html'), casePage(kept));
  writeWhole(withEnding(path, 'txt'), caseStory(kept, { width: 120, path: basename(path) }));
  return path;
}

/**
 * Whether a case has failed for nothing but that too little happened in it. That is asked of a case as it
 * was drawn, and not when it is played again.
 */
export function isVacuous({ violations }: CaseFile): boolean {
  return violations.length > 0 && violations.every(({ check }) => check === 'non-vacuous');
}

export function withEnding(path: string, ending: 'html' | 'txt'): string {
  return path.replace(/\.json$/, `.${ending}`);
}

export function casePage(file: CaseFile): string {
  return timelineHtml(file.trace, {
    title: `${file.simulation}, seed ${file.seed}`,
    facts: [['digest', file.digest], ...(file.commit === undefined ? [] : [['commit', file.commit] as const])],
    violations: file.violations.map(({ check, message }) => `${check}: ${message}`),
    steps: file.steps.map((step) => JSON.stringify(step)),
    faults: file.faults,
  });
}

/** All of a case for a terminal: what was violated, the plan, and the timeline. */
export function caseStory(
  file: CaseFile,
  how: { readonly width: number; readonly color?: boolean; readonly path: string },
): string {
  const { simulation, seed, steps, faults, violations, trace, digest, commit } = file;
  const lines = [
    `${simulation}, seed ${seed}`,
    '',
    ...violations.map(({ check, message }) => `${check}: ${message}`),
    '',
    steps.length === 1 ? '1 step' : `${steps.length} steps`,
    ...steps.map((step) => `  ${JSON.stringify(step)}`),
    faults.length === 1 ? '1 fault' : `${faults.length} faults`,
    ...faults.map((fault) => `  ${faultLabel(fault)}`),
    '',
    timeline(trace, { width: how.width, color: how.color ?? false }),
    `digest ${digest}${commit === undefined ? '' : `, commit ${commit}`}`,
    `again: devmentor-sim replay ${how.path}`,
  ];
  return `${lines.join('\n')}\n`;
}
