// The road of a task as it is drawn.
import { render } from '@testing-library/react';
import { MemoryRouter } from 'react-router-dom';
import { expect, test } from 'vitest';

import { NotificationsProvider } from '../frame/notifications';
import { Chain } from './Chain';

test('the broken link has its mend, things with a page are links, and all of it is text', () => {
  const secret = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:login-AbCdEf';
  const command = 'aws kms enable-key --key-id 1';
  const steps = [{ service: 'kms', operation: 'EnableKey', input: '{"KeyId":"1"}', command }];
  const mend = { title: 'Enable the key', steps };
  const { container } = render(
    <MemoryRouter>
      <NotificationsProvider>
        <Chain
          onMended={() => undefined}
          links={[
            { kind: 'secret', subject: secret, outcome: 'good', detail: 'It was read.' },
            { kind: 'key', subject: '<b>key</b>', outcome: 'broken', detail: 'Disabled.', mend: 'Enable the key.', mends: [mend] },
            { kind: 'image', subject: 'web', outcome: 'notReached', detail: '' },
          ]}
        />
      </NotificationsProvider>
    </MemoryRouter>,
  );
  const outcomes = [...container.querySelectorAll('li')].map(item => item.dataset.outcome);
  expect(outcomes).toEqual(['good', 'broken', 'notReached']);
  expect(container.querySelector('a')?.getAttribute('href')).toBe(`/console/secrets/secret/${encodeURIComponent(secret)}`);
  expect(container.querySelector('b')).toBeNull();
  const broken = container.querySelector('li[data-outcome=broken]')!;
  expect(broken.textContent).toContain('<b>key</b>');
  expect(broken.textContent).toContain('aws kms enable-key --key-id 1');
  expect(broken.querySelector('button')).not.toBeNull();
});
