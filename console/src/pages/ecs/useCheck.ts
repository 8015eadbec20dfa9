// Asks for a check when somebody wants one, and keeps its answer. A check is not repeated by itself: registries count.
import { useState } from 'react';

import { checkTaskDefinition } from '../../aws/tidegate';
import type { Check } from './CheckView';

export function useCheck(): [Check | undefined, (input: Parameters<typeof checkTaskDefinition>[0]) => void, () => void] {
  const [check, setCheck] = useState<Check>();
  const ask = (input: Parameters<typeof checkTaskDefinition>[0]) => {
    setCheck({ state: 'asking' });
    checkTaskDefinition(input).then(
      answer => setCheck({ state: 'answered', answer }),
      error => setCheck({ state: 'refused', error }),
    );
  };
  return [check, ask, () => setCheck(undefined)];
}
