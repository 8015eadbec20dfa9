// Data that keeps itself fresh. What is shown stays until something newer is there, so nothing flickers.
import { useCallback, useEffect, useRef, useState, type DependencyList } from 'react';

import { isAway, useServer } from './server';

export interface Live<T> {
  /** The newest answer; undefined until the first. */
  data?: T;
  /** Why there is no newer answer, unless the server is away, which the frame says. */
  error?: unknown;
  /** Nothing is known yet. */
  loading: boolean;
  /** Look now; done when the answer is there. */
  refresh: () => Promise<void>;
}

interface Options<T> {
  /** Milliseconds between two looks (3,000 unless told), or false when what was seen cannot change any more. */
  every?: number | ((data: T) => number | false);
}

const EVERY = 3_000;
// A slow answer is asked for less often: the server and this page have other things to do.
const REST = 4;

/** Asks again and again while the page is visible, and at once when `dependencies` change or the server is back. */
export function useLive<T>(ask: () => Promise<T>, dependencies: DependencyList, options: Options<T> = {}): Live<T> {
  const [state, setState] = useState<{ data?: T; error?: unknown; loading: boolean }>({ loading: true });
  const newest = useRef({ ask, options });
  newest.current = { ask, options };
  const look = useRef<() => Promise<void>>(async () => {});
  const { returns } = useServer();

  useEffect(() => {
    setState({ loading: true });
  }, dependencies);

  useEffect(() => {
    let over = false;
    let timer: number | undefined;
    let turn = 0;
    const run = async () => {
      window.clearTimeout(timer);
      const mine = ++turn;
      const began = performance.now();
      let pause: number | false = EVERY;
      try {
        const data = await newest.current.ask();
        const { every } = newest.current.options;
        pause = typeof every === 'function' ? every(data) : (every ?? EVERY);
        if (!over && mine === turn) setState({ data, loading: false });
      } catch (error) {
        if (!over && mine === turn) {
          setState(before => (isAway(error) ? before : { data: before.data, error, loading: false }));
        }
      }
      if (!over && mine === turn && pause !== false) {
        const rest = Math.max(pause, REST * (performance.now() - began));
        timer = window.setTimeout(() => (document.hidden ? undefined : void run()), rest);
      }
    };
    const seen = () => {
      if (!document.hidden) void run();
    };
    look.current = run;
    void run();
    document.addEventListener('visibilitychange', seen);
    return () => {
      over = true;
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [...dependencies, returns]);

  const refresh = useCallback(() => look.current(), []);
  return { ...state, refresh };
}
