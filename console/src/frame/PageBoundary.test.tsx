// A page that cannot be shown leaves a message, and the way to other pages stays open.
import createWrapper from '@cloudscape-design/components/test-utils/dom';
import { render, screen } from '@testing-library/react';
import { lazy, Suspense, type ReactNode } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { PageBoundary } from './PageBoundary';

// React writes what a boundary caught to the console.
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}));
afterEach(() => {
  vi.mocked(console.error).mockClear();
  vi.restoreAllMocks();
});

const reload = vi.fn();
const page = (address: string, content: ReactNode) => (
  <PageBoundary address={address} reload={reload}>
    <Suspense fallback="wait">{content}</Suspense>
  </PageBoundary>
);

function Throws(): ReactNode {
  throw new Error('<b>undefined</b> is not a function');
}

test('a page whose code does not arrive says so and offers to reload', async () => {
  const Missing = lazy(() => Promise.reject(new TypeError('Failed to fetch dynamically imported module: /console/assets/ecs.js')));
  const { container } = render(page('/ecs', <Missing />));
  await screen.findByText('This page could not be shown');
  expect(container.textContent).toContain('A part of the console did not arrive');
  expect(container.textContent).toContain('/console/assets/ecs.js');
  createWrapper(container).findButton()!.click();
  expect(reload).toHaveBeenCalledOnce();
});

test('a page that throws shows the error as text, until one goes to another page', () => {
  const { container, rerender } = render(page('/ecs', <Throws />));
  expect(container.textContent).toContain('<b>undefined</b> is not a function');
  expect(container.querySelector('b')).toBeNull();
  rerender(page('/ecs', <Throws />));
  expect(container.textContent).toContain('This page could not be shown');
  rerender(page('/secrets', 'Secrets'));
  expect(container.textContent).toBe('Secrets');
  rerender(page('/kms', <Throws />));
  expect(container.textContent).toContain('This page could not be shown');
});
