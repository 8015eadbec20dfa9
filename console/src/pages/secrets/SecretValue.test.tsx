// A value is in the document only between the click and the time, the blur or the click that covers it.
import createWrapper from '@cloudscape-design/components/test-utils/dom';
import { act, render, waitFor } from '@testing-library/react';
import { MemoryRouter } from 'react-router-dom';
import { beforeEach, expect, test, vi } from 'vitest';

import { NotificationsProvider } from '../../frame/notifications';
import { SEEN_SECONDS, SecretValue } from './SecretValue';

const read = vi.hoisted(() => vi.fn());
vi.mock('./data', () => ({ readSecret: read }));

const VALUE = 'hunter2-<b>bold</b>';

beforeEach(() => {
  read.mockReset().mockResolvedValue({ text: JSON.stringify({ username: 'ada', password: VALUE }) });
});

async function show() {
  const { container } = render(
    <MemoryRouter>
      <NotificationsProvider>
        <SecretValue arn="arn:aws:secretsmanager:us-east-1:000000000000:secret:a-AbCdEf" deleted={false} onChanged={() => {}} />
      </NotificationsProvider>
    </MemoryRouter>,
  );
  const button = (text: string) => createWrapper(container).findAllButtons().find(one => one.getElement().textContent === text)!;
  expect(read).not.toHaveBeenCalled();
  act(() => button('Retrieve secret value').click());
  await waitFor(() => expect(container.textContent).toContain(VALUE));
  return { container, button };
}

const isCovered = (container: HTMLElement) => !document.documentElement.outerHTML.includes('hunter2') && container.textContent?.includes('Covered');

test('it is covered by a click', async () => {
  const { container, button } = await show();
  expect(container.querySelector('b')?.textContent).not.toBe('bold');
  act(() => button('Hide').click());
  expect(isCovered(container)).toBe(true);
});

test('it is covered when one looks away', async () => {
  const { container } = await show();
  act(() => void window.dispatchEvent(new Event('blur')));
  expect(isCovered(container)).toBe(true);
});

test('it is covered after a while', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  try {
    const { container } = await show();
    act(() => void vi.advanceTimersByTime((SEEN_SECONDS - 5) * 1000));
    expect(isCovered(container)).toBe(false);
    act(() => void vi.advanceTimersByTime(5_000));
    expect(isCovered(container)).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

test('a refusal says why', async () => {
  read.mockRejectedValue(Object.assign(new Error('Access to KMS is not allowed'), { name: 'AccessDeniedException' }));
  const { container } = render(
    <MemoryRouter>
      <NotificationsProvider>
        <SecretValue arn="a" deleted={false} onChanged={() => {}} />
      </NotificationsProvider>
    </MemoryRouter>,
  );
  act(() => createWrapper(container).findButton()!.click());
  await waitFor(() => expect(container.textContent).toContain('Access to KMS is not allowed'));
});
