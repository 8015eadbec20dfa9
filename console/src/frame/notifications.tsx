// Messages at the top of the page: what an action did, or why it did not.
import type { FlashbarProps } from '@cloudscape-design/components/flashbar';
import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from 'react';

import { told } from '../aws/errors';
import { ErrorDetails } from '../components/ErrorAlert';

interface Notifications {
  items: FlashbarProps.MessageDefinition[];
  /** Says that something was done; goes away by itself. */
  success: (header: ReactNode, content?: ReactNode) => void;
  /** Says why something was not done; stays until it is dismissed. */
  failure: (error: unknown, what?: string) => void;
}

const SECONDS = 8;
let lastId = 0;

const Context = createContext<Notifications | undefined>(undefined);

export function useNotifications(): Notifications {
  const notifications = useContext(Context);
  if (!notifications) throw new Error('outside of NotificationsProvider');
  return notifications;
}

export function NotificationsProvider({ children }: { children: ReactNode }) {
  const [items, setItems] = useState<FlashbarProps.MessageDefinition[]>([]);
  const add = useCallback((item: FlashbarProps.MessageDefinition) => {
    const id = String(++lastId);
    const dismiss = () => setItems(items => items.filter(item => item.id !== id));
    setItems(items => [{ id, dismissible: true, onDismiss: dismiss, ...item }, ...items].slice(0, 5));
    if (item.type === 'success') window.setTimeout(dismiss, SECONDS * 1000);
  }, []);
  const value = useMemo<Notifications>(
    () => ({
      items,
      success: (header, content) => add({ type: 'success', header, content }),
      failure: (error, what) => add({ type: 'error', header: what ?? told(error).title, content: <ErrorDetails error={error} /> }),
    }),
    [items, add],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}
