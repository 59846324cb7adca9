/** Lines and columns count from 1; the end is inclusive. */
export interface Span {
  readonly startLine: number;
  readonly startColumn?: number;
  readonly endLine: number;
  readonly endColumn?: number;
}

/** Where in the code it can be seen; the hash says in which state of the file. */
export interface Evidence {
  readonly file: string;
  readonly sha256: string;
  readonly span?: Span;
}
