import { expect, it } from 'vitest';
import { createHandWriter } from './hand-writer.js';
import { createShelf, documentsOf } from './shelf.js';

interface Thing {
  id: string;
  title: string;
}

it('a shelf keeps records by id and finds them again after a restart', async () => {
  const writer = createHandWriter();
  const shelf = createShelf<Thing>('things', writer);
  await shelf.put({ id: 'a', title: 'one' });
  await shelf.put({ id: 'a', title: 'two' });
  await shelf.put({ id: 'b', title: 'three' });
  expect(await shelf.delete('b')).toBe(true);
  expect(await shelf.delete('b')).toBe(false);
  const later = createShelf<Thing>('things', writer, documentsOf<Thing>(writer.documents(), 'things').values());
  for (const one of [shelf, later]) expect([one.all(), one.get('b')]).toEqual([[{ id: 'a', title: 'two' }], undefined]);
});

it('a refused write changes nothing', async () => {
  const writer = createHandWriter();
  const shelf = createShelf<Thing>('things', writer, [{ id: 'a', title: 'one' }]);
  writer.healthy = false;
  await expect(shelf.put({ id: 'a', title: 'two' })).rejects.toMatchObject({ code: 'storage' });
  await expect(shelf.put({ id: 'b', title: 'two' })).rejects.toMatchObject({ code: 'storage' });
  await expect(shelf.delete('a')).rejects.toMatchObject({ code: 'storage' });
  expect(shelf.all()).toEqual([{ id: 'a', title: 'one' }]);
});
