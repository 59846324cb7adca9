/** Whether a browser page of this origin may call: this machine's own pages, and those on the list. */
export function isAllowedOrigin(origin: string, allowed: readonly string[]): boolean {
  if (allowed.includes(origin)) return true;
  const url = URL.parse(origin);
  return (
    url !== null &&
    ['http:', 'https:'].includes(url.protocol) &&
    ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  );
}
