/** Of the page. Both schemes follow the reader's system until they choose. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#ffffff, #14171c);
  --panel: light-dark(#f6f7f9, #1b1f26);
  --ink: light-dark(#1c2430, #e4e8ee);
  --faint: light-dark(#5c6878, #93a0b2);
  --line: light-dark(#d5dae1, #333b47);
  --wire: light-dark(#5d7ba6, #7b9ccb);
  --ok: light-dark(#1f7a4d, #4cc38a);
  --failed: light-dark(#6b7280, #9aa4b2);
  --unknown: light-dark(#a45c00, #f0a63a);
  --lost: light-dark(#c22b2b, #ff7b72);
  --fault: light-dark(#8a3ffc, #c09bff);
  --down: light-dark(#c22b2b, #ff7b72);
  --chosen: light-dark(#dcebff, #24364f);
  font: 14px/1.45 system-ui, sans-serif;
}
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; background: var(--paper); color: var(--ink); }
header { padding: 12px 16px 8px; border-bottom: 1px solid var(--line); background: var(--panel); }
h1 { margin: 0; font-size: 17px; font-weight: 600; overflow-wrap: anywhere; }
.top { display: flex; gap: 12px; align-items: baseline; justify-content: space-between; }
.facts { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 4px 0 0; color: var(--faint); font-size: 13px; }
.facts div { display: flex; gap: 5px; }
.facts dd { margin: 0; color: var(--ink); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.violations { margin: 8px 0 0; padding: 6px 10px; list-style: none; border-left: 3px solid var(--lost);
  background: color-mix(in srgb, var(--lost) 9%, transparent); max-height: 18vh; overflow: auto; overflow-wrap: anywhere; white-space: pre-wrap; font: 12.5px/1.5 ui-monospace, monospace; }
.plans { display: flex; flex-wrap: wrap; gap: 2px 24px; margin-top: 6px; font-size: 13px; }
.plans summary { cursor: pointer; color: var(--faint); }
.plans ol { margin: 4px 0; padding-left: 30px; max-height: 22vh; overflow: auto; font: 12px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; padding: 7px 16px; border-bottom: 1px solid var(--line); }
nav fieldset { display: flex; flex-wrap: wrap; gap: 5px; margin: 0 8px 0 0; padding: 0; border: 0; }
nav legend { float: left; padding: 3px 4px 0 0; color: var(--faint); font-size: 12px; }
.chip { display: inline-flex; gap: 5px; align-items: center; padding: 2px 9px; border: 1px solid var(--line); border-radius: 99px;
  font-size: 12.5px; cursor: pointer; user-select: none; }
.chip:has(:checked) { background: var(--chosen); border-color: var(--wire); }
.chip:has(:focus-visible) { outline: 2px solid var(--wire); outline-offset: 1px; }
.chip input { position: absolute; opacity: 0; pointer-events: none; }
.chip small { color: var(--faint); font-variant-numeric: tabular-nums; }
nav input[type=search] { flex: 1 1 130px; max-width: 260px; padding: 3px 8px; border: 1px solid var(--line); border-radius: 6px; background: var(--paper); color: inherit; font: inherit; font-size: 13px; }
button { padding: 2px 9px; border: 1px solid var(--line); border-radius: 6px; background: var(--paper); color: inherit; font: inherit; font-size: 12.5px; cursor: pointer; white-space: nowrap; }
main { flex: 1; min-height: 0; display: grid; grid-template-columns: 1fr 54px minmax(240px, 300px); }
.stage { position: relative; overflow: auto; outline: none; }
.stage:focus-visible { box-shadow: inset 0 0 0 2px var(--wire); }
.lanes { position: sticky; top: 0; z-index: 2; height: 30px; border-bottom: 1px solid var(--line); background: var(--paper); }
.lanes span { position: absolute; top: 4px; translate: -50% 0; padding: 0 10px; border-radius: 5px; font-weight: 600; white-space: nowrap; }
.lanes .node { background: var(--ink); color: var(--paper); }
.lanes .service { border: 1px solid var(--line); color: var(--faint); }
.lanes .unit { left: 46px; color: var(--faint); font-weight: 400; font-size: 12px; }
.picture { position: relative; }
svg { position: absolute; left: 0; display: block; }
.lane { stroke: var(--line); stroke-width: 1.5; }
.row { fill: transparent; }
.moment { cursor: pointer; }
.words { pointer-events: none; }
.moment:hover .row { fill: color-mix(in srgb, var(--wire) 12%, transparent); }
.band { fill: var(--chosen); }
svg text { fill: var(--ink); font: 12.5px ui-monospace, 'DejaVu Sans Mono', monospace; font-size: 11.5px; paint-order: stroke; stroke: var(--paper); stroke-width: 3.5px; stroke-linejoin: round; }
.chosen text { stroke: var(--chosen); }
svg .moment.lost .label { fill: var(--lost); font-weight: 600; }
svg .time, svg .quiet { fill: var(--faint); font-variant-numeric: tabular-nums; }
svg .small { fill: var(--faint); font-size: 11px; }
.routine { opacity: 0.55; }
.bar { fill: var(--wire); opacity: 0.75; }
.bar.ok { fill: var(--ok); } .bar.failed { fill: var(--failed); } .bar.unknown { fill: var(--unknown); }
.is-return.ok text { fill: var(--ok); } .is-return.failed text { fill: var(--failed); } .is-return.unknown text { fill: var(--unknown); font-weight: 600; }
svg .is-return .time { fill: var(--faint); font-weight: 400; }
.is-call text.label { font-weight: 600; }
.arrow { stroke: var(--wire); stroke-width: 1.3; }
.arrow.lost { stroke: var(--lost); stroke-dasharray: 4 3; }
.arrow.unknown { stroke: var(--unknown); stroke-dasharray: 2 4; }
.chosen .arrow { stroke-width: 2.6; }
.head { fill: var(--wire); }
.cross { stroke: var(--lost); stroke-width: 2.2; }
.bolt { fill: var(--fault); }
svg .moment.fault .label { fill: var(--fault); font-weight: 600; }
.dot { fill: var(--faint); }
.across { stroke: var(--line); stroke-dasharray: 3 3; }
.span { fill: color-mix(in srgb, var(--fault) 13%, transparent); }
.span.down { fill: color-mix(in srgb, var(--down) 14%, transparent); }
svg .span-label { fill: var(--faint); font-family: system-ui, sans-serif; font-size: 11px; }
.overview { width: 54px; height: 100%; border-left: 1px solid var(--line); cursor: ns-resize; touch-action: none; }
aside { padding: 12px 14px; border-left: 1px solid var(--line); background: var(--panel); overflow: auto; font-size: 13px; }
aside h2 { margin: 0 0 6px; font-size: 14px; overflow-wrap: anywhere; }
aside dl { display: grid; grid-template-columns: auto 1fr; gap: 3px 12px; margin: 0 0 10px; }
aside dt { color: var(--faint); }
aside dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; font: 12px/1.5 ui-monospace, monospace; }
aside p { color: var(--faint); margin: 6px 0; }
kbd { padding: 0 5px; border: 1px solid var(--line); border-radius: 4px; background: var(--paper); font: 11px ui-monospace, monospace; }
.keys { display: grid; grid-template-columns: auto 1fr; gap: 4px 10px; margin: 0; color: var(--faint); font-size: 12px; align-items: baseline; }
.keys dt { white-space: nowrap; } .keys dd { margin: 0; font: inherit; }
.tip { position: fixed; z-index: 5; max-width: 420px; padding: 5px 9px; border: 1px solid var(--line); border-radius: 6px; background: var(--panel);
  box-shadow: 0 3px 14px #0003; font: 12px/1.45 ui-monospace, monospace; pointer-events: none; overflow-wrap: anywhere; }
.tip[hidden] { display: none; }
.empty { padding: 60px 20px; text-align: center; color: var(--faint); }
noscript pre { overflow: auto; font: 12px/1.35 ui-monospace, monospace; padding: 0 16px; }
@media (max-width: 800px) {
  main { grid-template-columns: 1fr; grid-template-rows: 1fr auto; }
  .overview { display: none; }
  aside { max-height: 34vh; padding: 8px 16px; border-left: 0; border-top: 1px solid var(--line); }
  .keys { display: none; }
  nav legend { display: none; }
}
@media print { nav, .overview, aside { display: none; } }
`;
