// Messages at the top of the page: what an action did, or why it did not.
import type { FlashbarProps } from '@cloudscape-design/components/flashbar';
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { useLocation } from 'react-router-dom';

import { told } from '../aws/errors';
import { ErrorDetails } from '../components/ErrorAlert';

interface Notifications {
  items: FlashbarProps.MessageDefinition[];
  /** Says that something was done, until one leaves the page; never by itself, which would move the page under the pointer. */
  success: (header: ReactNode, content?: ReactNode) => void;
  /** Says why something was not done; stays until it is dismissed. */
  failure: (error: unknown, what?: string) => void;
}

/** What was said so shortly before the page changed belongs to the page that the action leads to. */
const SAME_ACTION_MILLISECONDS = 1_000;
let lastId = 0;

interface Message extends FlashbarProps.MessageDefinition {
  saidAt: number;
}

const Context = createContext<Notifications | undefined>(undefined);

export function useNotifications(): Notifications {
  const notifications = useContext(Context);
  if (!notifications) throw new Error('outside of NotificationsProvider');
  return notifications;
}

export function NotificationsProvider({ children }: { children: ReactNode }) {
  const [items, setItems] = useState<Message[]>([]);
  const { pathname } = useLocation();
  useEffect(() => {
    const since = performance.now() - SAME_ACTION_MILLISECONDS;
    setItems(items => items.filter(({ type, saidAt }) => type !== 'success' || saidAt > since));
  }, [pathname]);
  const add = useCallback((item: FlashbarProps.MessageDefinition) => {
    const id = String(++lastId);
    const dismiss = () => setItems(items => items.filter(item => item.id !== id));
    const saidAt = performance.now();
    setItems(items => [{ id, saidAt, dismissible: true, onDismiss: dismiss, ...item }, ...items].slice(0, 5));
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
