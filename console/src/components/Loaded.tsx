// What a page of one thing shows until the thing is there, and when it cannot be had.
import Spinner from '@cloudscape-design/components/spinner';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { Children, type ReactNode } from 'react';

import type { Live } from '../aws/useLive';
import { ErrorAlert } from './ErrorAlert';

export function Loaded<T>({ live, children }: { live: Live<T>; children: (data: T) => ReactNode }) {
  return (
    <SpaceBetween size="l">
      {live.error !== undefined && <ErrorAlert error={live.error} onRetry={() => void live.refresh()} />}
      {live.loading && live.data === undefined && <Spinner size="large" />}
      {live.data !== undefined && Children.toArray(children(live.data))}
    </SpaceBetween>
  );
}
