// What jsdom lacks and every component test needs.
import { cleanup } from '@testing-library/react';
import { afterEach, beforeEach, expect, vi } from 'vitest';

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
// A warning of React is a mistake. A test that wants errors in the console spies on it again, and forgets what it saw.
beforeEach(() => {
  const error = vi.spyOn(console, 'error');
  return () => expect(error.mock.calls, 'the console saw an error').toEqual([]);
});
afterEach(() => cleanup());

window.matchMedia ??= (query: string) =>
  ({ matches: false, media: query, addEventListener: () => {}, removeEventListener: () => {} }) as unknown as MediaQueryList;
