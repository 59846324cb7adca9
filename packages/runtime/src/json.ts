/** What a record, an event or a reply may be made of. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
