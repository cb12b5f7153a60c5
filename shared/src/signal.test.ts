import { expect, it } from 'vitest';
import { createSignal } from './signal.js';

it('a signal calls its listeners in order, until they disconnect', () => {
  const signal = createSignal<number>();
  const heard: string[] = [];
  const off = signal.on((value) => heard.push(`a${value}`));
  signal.on((value) => heard.push(`b${value}`));
  signal.emit(1);
  off();
  off();
  signal.emit(2);
  expect(heard).toEqual(['a1', 'b1', 'b2']);
});

it('a listener may disconnect itself while it is called', () => {
  const signal = createSignal<number>();
  const heard: number[] = [];
  const off = signal.on((value) => {
    heard.push(value);
    off();
  });
  signal.emit(1);
  signal.emit(2);
  expect(heard).toEqual([1]);
});
