import type { MouseEvent, ReactNode } from 'react';
import { hrefOf, navigate, type Route } from './route.ts';

/** A link inside the page; a new tab or window is left to the browser. */
export function Link(props: { to: Route; className?: string; children: ReactNode }) {
  const follow = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(props.to);
  };
  return (
    <a className={props.className} href={hrefOf(props.to)} onClick={follow}>
      {props.children}
    </a>
  );
}
