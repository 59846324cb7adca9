// Names for what lives within one actor: its invokes, its child machines, their invokes and timers.
// A name is the path of ids from the actor down, as one text. What is directly below the actor keeps
// its bare id, so that an actor without child machines stores what it always did.

export type Path = readonly string[];

/** Injective: two paths never share an address. */
export function addressOf(path: Path): string {
  const [only, second] = path;
  return only !== undefined && second === undefined && !only.startsWith('>') ? only : `>${path.map(escaped).join('>')}`;
}

export function pathOf(address: string): Path {
  return address.startsWith('>') ? address.slice(1).split('>').map(unescaped) : [address];
}

/** What the addresses of everything within a child begin with; nothing else's do. */
export function within(path: Path): string {
  return path.length === 0 ? '' : `>${path.map(escaped).join('>')}>`;
}

function escaped(id: string): string {
  return id.replaceAll('%', '%25').replaceAll('>', '%3E');
}

function unescaped(id: string): string {
  return id.replaceAll('%3E', '>').replaceAll('%25', '%');
}
