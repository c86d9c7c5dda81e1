/**
 * Whether what somebody told us concerns this colleague, by name or short id, however it is written. `concerns` is kept privately:
 * it decides who reads and who doesn’t, and stands on no page.
 */
export function isConcerned(concerns: string | null | undefined, { id, name }: { id: string; name: string }): boolean {
  const whom = plain(concerns ?? '');
  return whom !== '' && (plain(id) === whom || plain(name) === whom);
}

const plain = (name: string) => name.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
