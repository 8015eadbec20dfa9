// What was done is said on the page that the action leads to, and not on the one after it.
import { act, render } from '@testing-library/react';
import { MemoryRouter, useNavigate } from 'react-router-dom';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { NotificationsProvider, useNotifications } from './notifications';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a success lasts until one leaves the page it led to, a failure until it is dismissed', () => {
  let messages!: ReturnType<typeof useNotifications>;
  let navigate!: ReturnType<typeof useNavigate>;
  const Page = () => {
    messages = useNotifications();
    navigate = useNavigate();
    return null;
  };
  render(
    <MemoryRouter>
      <NotificationsProvider>
        <Page />
      </NotificationsProvider>
    </MemoryRouter>,
  );
  const shown = () => messages.items.map(({ header }) => header);
  act(() => {
    messages.success('made');
    messages.failure(new Error('refused'), 'not made');
    void navigate('/made');
  });
  expect(shown()).toEqual(['not made', 'made']);
  act(() => void vi.advanceTimersByTime(3_600_000));
  expect(shown()).toEqual(['not made', 'made']);
  act(() => void navigate('/elsewhere'));
  expect(shown()).toEqual(['not made']);
});
