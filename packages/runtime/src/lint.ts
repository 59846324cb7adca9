// Durability lint
//
// What can be said of an actor type before any actor of it lives: what would be lost or refused once
// it is stored, and what is likely to surprise. It reads a machine's definition and asks for its
// first context; it runs nothing else of the author's.
//
//   LN1  Each finding names the state, the problem and the fix, and all come at once.
//   LN2  An error refuses the definition; a warning is reported when a runtime is made of it, unless
//        it is silenced by its name.
import type { AnyStateMachine, StateNode } from 'xstate';
import { sayOf } from './effect.ts';
import type { Finding, LintRule, LintWarning } from './finding.ts';
import { findNonJson } from './json-check.ts';
import { type Definition, readDefinition } from './machine-driver.xstate5-definition.ts';

/** What is looked at. */
export interface Linted {
  readonly machine: AnyStateMachine;
  readonly version: number;
  readonly migrations: readonly number[];
  readonly replies: readonly string[];
  readonly input: () => unknown;
  readonly silence: readonly LintWarning[];
}

/** Everything found, but for warnings that are silenced. */
export function lint(linted: Linted): readonly Finding[] {
  const { definition, findings } = readDefinition(linted.machine);
  const report = new Report();
  for (const finding of findings) report.add(finding);
  const seen = new Set<Definition>();
  const walk = (at: Definition, path: string): void => {
    if (seen.has(at)) return;
    seen.add(at);
    new MachineLint(at, path, report).look();
    for (const [src, child] of at.children)
      if (child.kind === 'machine') walk(child.definition, `${path}child '${src}', `);
  };
  walk(definition, '');
  lookAtContext(linted, report);
  const machines = [...seen].map(({ machine }) => machine);
  lookAtReplies(linted, machines, report);
  lookAtVersions(linted, report);
  const silent = new Set<LintRule>(linted.silence);
  return report.all.filter(({ level, rule }) => level === 'error' || !silent.has(rule));
}

class Report {
  readonly #findings = new Map<string, Finding>();

  get all(): readonly Finding[] {
    return [...this.#findings.values()];
  }

  add(finding: Finding): void {
    const { rule, where, problem } = finding;
    this.#findings.set(`${rule} ${where} ${problem}`, finding);
  }

  warn(rule: LintWarning, where: string, problem: string, fix: string): void {
    this.add({ rule, level: 'warning', where, problem, fix });
  }
}

/** The parts of XState's action functions that their creators leave on them. */
interface Built {
  readonly type?: string;
  readonly delay?: unknown;
  readonly event?: unknown;
}

class MachineLint {
  readonly #machine: AnyStateMachine;
  readonly #children: Definition['children'];
  readonly #path: string;
  readonly #report: Report;

  constructor({ machine, children }: Definition, path: string, report: Report) {
    this.#machine = machine;
    this.#children = children;
    this.#path = path;
    this.#report = report;
  }

  look(): void {
    for (const action of Object.values(this.#machine.implementations.actions)) this.#action(action, 'setup');
    const { context } = this.#machine.config as { context?: unknown };
    if (typeof context !== 'function') this.#context(context);
    const reached = reachable(this.#machine.root);
    this.#node(this.#machine.root, reached);
  }

  #node(node: StateNode, reached: ReadonlySet<StateNode>): void {
    const where = `${this.#path}state '${node.id}'`;
    if (!reached.has(node) && node.type !== 'history') {
      this.#report.warn('unreachable-state', where, 'no transition leads to it', 'lead one there, or take it out');
      return;
    }
    for (const action of actionsOf(node)) this.#action(action, where, true);
    for (const descriptor of Object.keys((node.config as { on?: object }).on ?? {}))
      this.#descriptor(descriptor, where);
    for (const invoke of node.invoke) this.#invoke(node, invoke, `${where}, invoke '${invoke.id}'`);
    for (const child of Object.values(node.states)) this.#node(child, reached);
  }

  #action(action: unknown, where: string, inline = false): void {
    if (typeof action !== 'function' || sayOf(action) !== undefined) return;
    const { type, delay, event } = action as Built;
    if (!('resolve' in action)) {
      if (inline)
        this.#report.warn(
          'inline-action',
          where,
          `the action ${action.name === '' || action.name === 'actions' ? 'function' : `'${action.name}'`} has no name in the machine, and runs at most once, after the commit`,
          'name it in setup({ actions }); what must happen, invoke or tell',
        );
      return;
    }
    if (typeof delay === 'function')
      this.#report.warn(
        'inline-delay',
        where,
        'a delay is computed in place and so has no name',
        'name it in setup({ delays })',
      );
    if (type === 'xstate.emit' && this.#path !== '')
      this.#report.warn(
        'child-emits',
        where,
        'what a machine below the actor emits nobody hears',
        'use sendParent(event)',
      );
    const sent = (event as { type?: unknown } | undefined)?.type;
    const own = type === 'xstate.raise' && typeof sent === 'string' && sent.startsWith('xstate.after.');
    if (typeof sent === 'string' && sent.startsWith('xstate.') && !own) this.#reserved(where, `it sends '${sent}'`);
  }

  #descriptor(descriptor: string, where: string): void {
    if (descriptor.startsWith('xstate.') && !/^xstate\.(done|error|snapshot)\./.test(descriptor))
      this.#reserved(where, `it takes '${descriptor}'`);
  }

  #reserved(where: string, what: string): void {
    const problem = `${what}, and events that begin with 'xstate.' are XState's own`;
    this.#report.add({ rule: 'reserved-event', level: 'error', where, problem, fix: 'give the event another name' });
  }

  #invoke(node: StateNode, invoke: StateNode['invoke'][number], where: string): void {
    const src = String(invoke.src);
    if (!this.#children.has(src)) return;
    if (src.startsWith('xstate.invoke.'))
      this.#report.warn(
        'inline-invoke',
        where,
        'its logic has no name: a record made while it runs finds it by its place in the machine, which may move',
        'name it in setup({ actors })',
      );
    if (invoke.onError === undefined && !hears(node, `xstate.error.actor.${invoke.id}`))
      this.#report.warn(
        'invoke-without-on-error',
        where,
        'when it fails, the whole actor ends in error',
        'give it onError',
      );
  }

  #context(context: unknown): void {
    if (context !== undefined) notJson(context, `${this.#path}context`, this.#report);
  }
}

/** Whether the state, or one around it, takes the event. */
function hears(node: StateNode, type: string): boolean {
  for (let at: StateNode | undefined = node; at !== undefined; at = at.parent)
    for (const descriptor of at.transitions.keys()) if (matches(type, descriptor)) return true;
  return false;
}

function matches(type: string, descriptor: string): boolean {
  if (descriptor === type || descriptor === '*') return true;
  return descriptor.endsWith('.*') && `${type}.`.startsWith(descriptor.slice(0, -1));
}

function transitionsOf(node: StateNode): readonly { readonly actions: readonly unknown[]; readonly target: unknown }[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

function actionsOf(node: StateNode): readonly unknown[] {
  return [
    ...node.entry,
    ...node.exit,
    ...(node.type === 'compound' ? node.initial.actions : []),
    ...transitionsOf(node).flatMap(({ actions }) => actions),
  ];
}

/** The states that the machine can come to, as far as its transitions tell; guards are taken to pass. */
function reachable(root: StateNode): ReadonlySet<StateNode> {
  const reached = new Set<StateNode>();
  const enter = (node: StateNode): void => {
    if (reached.has(node)) return;
    reached.add(node);
    if (node.parent !== undefined) enter(node.parent);
    const states = Object.values(node.states);
    if (node.type === 'parallel') for (const child of states) enter(child);
    if (node.type === 'compound') for (const target of node.initial.target) enter(target);
    if (node.type === 'history') for (const target of historyTargets(node)) enter(target);
    for (const { target } of transitionsOf(node)) for (const to of (target ?? []) as readonly StateNode[]) enter(to);
  };
  enter(root);
  return reached;
}

function historyTargets(node: StateNode): readonly StateNode[] {
  const { target } = node.config as { target?: unknown };
  const states = node.parent?.states ?? {};
  return typeof target === 'string' && states[target] !== undefined ? [states[target]] : [];
}

/** The first context of an actor, which may be computed from its input. */
function lookAtContext({ machine, input }: Linted, report: Report): void {
  const { context } = machine.config as { context?: unknown };
  if (typeof context !== 'function') return;
  let first: unknown;
  try {
    // References to what it spawns are no part of what is asked here.
    first = (context as (given: object) => unknown)({ input: input(), self: {}, spawn: () => null });
  } catch {
    // It needs the input of a real key; what is wrong with the context then shows at the first commit.
    return;
  }
  notJson(first, 'context', report);
}

function notJson(context: unknown, where: string, report: Report): void {
  const found = findNonJson(context, where);
  if (found === undefined) return;
  const [problem, advice] = found.why.split('; ');
  report.add({
    rule: 'context-not-json',
    level: 'error',
    where: found.path,
    problem: `${problem ?? found.why}, and what an actor keeps must be JSON`,
    fix: advice ?? 'keep data alone, and let actions and invokes do the rest',
  });
}

/** An ask may be forwarded to a machine below, which replies to it. */
function lookAtReplies({ machine, replies }: Linted, machines: readonly AnyStateMachine[], report: Report): void {
  if (replies.length === 0) return;
  const nodes = nodesOf(machine.root);
  for (const type of replies) {
    const where = `replies.${type}`;
    if (type.startsWith('xstate.'))
      report.add({
        rule: 'reserved-event',
        level: 'error',
        where,
        problem: "events that begin with 'xstate.' are XState's own",
        fix: 'give the event another name',
      });
    else if (!nodes.some((node) => [...node.transitions.keys()].some((descriptor) => matches(type, descriptor))))
      report.warn(
        'reply-without-event',
        where,
        'no state takes this event, so no ask is ever answered',
        'take it in a state',
      );
  }
  const actions = machines.flatMap((each) => [
    ...nodesOf(each.root).flatMap(actionsOf),
    ...Object.values(each.implementations.actions as Readonly<Record<string, unknown>>),
  ]);
  if (!actions.some(mayReply))
    report.warn('never-replies', 'replies', 'nothing in the machine replies', 'use the action reply(value)');
}

/** What `enqueueActions` will do is not known before. */
function mayReply(action: unknown): boolean {
  if (typeof action !== 'function') return false;
  return action.name === 'devmentor.reply' || (action as Built).type === 'xstate.enqueueActions';
}

function nodesOf(node: StateNode): readonly StateNode[] {
  return [node, ...Object.values(node.states).flatMap(nodesOf)];
}

function lookAtVersions({ version, migrations }: Linted, report: Report): void {
  for (let from = 1; from < version; from++)
    if (!migrations.includes(from))
      report.warn(
        'missing-migration',
        `migrate.${from}`,
        `a record of version ${from} cannot be read by version ${version}`,
        `give migrate: { ${from}: (snapshot) => … }, or silence this where no such record exists`,
      );
}
