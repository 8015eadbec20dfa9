// Light, dark, or as the computer is.
import { Mode, applyMode } from '@cloudscape-design/global-styles';
import { useState } from 'react';

export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'tidegate.theme';
const dark = window.matchMedia('(prefers-color-scheme: dark)');

export function theme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'auto';
}

export function applyTheme(theme: Theme): void {
  applyMode(theme === 'dark' || (theme === 'auto' && dark.matches) ? Mode.Dark : Mode.Light);
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [chosen, setChosen] = useState(theme);
  const choose = (theme: Theme) => {
    localStorage.setItem(KEY, theme);
    applyTheme(theme);
    setChosen(theme);
  };
  return [chosen, choose];
}

dark.addEventListener('change', () => applyTheme(theme()));
