// Which tab of a page is open: a part of the address, so that a link leads to it.
import type { TabsProps } from '@cloudscape-design/components/tabs';
import { useSearchParams } from 'react-router-dom';

type TabState = Required<Pick<TabsProps, 'activeTabId' | 'onChange'>>;

/** For `<Tabs {...useTab('overview')} …>`. */
export function useTab(first: string): TabState {
  const [search, setSearch] = useSearchParams();
  return {
    activeTabId: search.get('tab') ?? first,
    onChange: ({ detail }) => {
      const next = new URLSearchParams(search);
      if (detail.activeTabId === first) next.delete('tab');
      else next.set('tab', detail.activeTabId);
      setSearch(next, { replace: true });
    },
  };
}
