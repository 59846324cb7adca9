// A document for React to render into. Only that: fetch, WebSocket and timers stay Node's.
import { Window } from 'happy-dom';

const window = new Window({ url: 'http://localhost/' });

for (const name of ['document', 'HTMLElement', 'HTMLIFrameElement', 'Element', 'Node', 'MutationObserver'] as const) {
  Object.defineProperty(globalThis, name, { value: window[name], configurable: true });
}
Object.defineProperty(globalThis, 'window', { value: window, configurable: true });
