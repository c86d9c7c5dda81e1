/**
 * Does the work for every item, one after the other. One that fails keeps back none of those after it; the first failure
 * is thrown when all have had their turn.
 */
export async function forEachOne<Item>(items: Item[], work: (item: Item) => Promise<unknown>): Promise<void> {
  const failures: unknown[] = [];
  for (const item of items) {
    try {
      await work(item);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
