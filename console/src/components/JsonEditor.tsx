// A JSON document to write: a text area with line numbers. What is wrong with it stands beneath, while one types.
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useEffect, useId, useRef, useState } from 'react';

import { codeOf, told } from '../aws/errors';
import { jsonProblem, problemText } from './jsonProblem';
import { pretty } from './JsonView';

/** What is known of a document. Only `bad` forbids to send it. */
export interface Check {
  state: 'empty' | 'checking' | 'good' | 'bad' | 'unknown';
  /** What is wrong, or why nothing is known. */
  message?: string;
}

const PAUSE_MILLISECONDS = 350;
const LEAST_LINES = 12;

/**
 * Checks a document while it is written: first that it is JSON, then by `ask`, a call that writes nothing and rejects
 * with the server's own words. Without `ask` the server is heard when the document is sent.
 */
export function useCheck(text: string, ask?: (text: string) => Promise<unknown>): Check {
  const [answer, setAnswer] = useState<{ of: string; check: Check }>();
  const asking = useRef(ask);
  asking.current = ask;
  const problem = text.trim() ? jsonProblem(text) : undefined;
  const here: Check | undefined = !text.trim()
    ? { state: 'empty' }
    : problem
      ? { state: 'bad', message: problemText(problem) }
      : ask
        ? undefined
        : { state: 'unknown', message: 'This is JSON. What it says is checked when it is sent.' };
  const settled = here !== undefined;
  useEffect(() => {
    if (settled) return undefined;
    let over = false;
    const timer = window.setTimeout(() => {
      asking.current?.(text).then(
        () => over || setAnswer({ of: text, check: { state: 'good' } }),
        error => over || setAnswer({ of: text, check: refused(error) }),
      );
    }, PAUSE_MILLISECONDS);
    return () => {
      over = true;
      window.clearTimeout(timer);
    };
  }, [text, settled]);
  return here ?? (answer?.of === text ? answer.check : { state: 'checking' });
}

/** A refusal to check says nothing about the document. */
function refused(error: unknown): Check {
  const { denial, message, code } = told(error);
  if (denial || /^(AccessDenied|Throttling|TimeoutError)/.test(codeOf(error) ?? '') || code === 'TypeError') {
    return { state: 'unknown', message: 'It could not be checked beforehand; it is when it is sent.' };
  }
  return { state: 'bad', message };
}

interface JsonEditorProps {
  value: string;
  onChange: (value: string) => void;
  /** What it is: "Policy document". */
  label: string;
  check: Check;
  /** What the server said of it when it was sent. */
  error?: string;
  autoFocus?: boolean;
}

export function JsonEditor({ value, onChange, label, check, error, autoFocus }: JsonEditorProps) {
  const id = useId();
  const lines = value.split('\n').length;
  const bad = Boolean(error) || check.state === 'bad';
  return (
    <SpaceBetween size="xs">
      <div className="editor" data-invalid={bad}>
        <pre className="editor-lines" aria-hidden="true">
          {Array.from({ length: Math.max(lines, LEAST_LINES) }, (_, at) => `${at + 1}\n`).join('')}
        </pre>
        <textarea
          className="editor-text"
          aria-label={label}
          aria-invalid={bad}
          aria-describedby={`${id}-state`}
          autoFocus={autoFocus}
          autoComplete="off"
          spellCheck={false}
          wrap="off"
          rows={Math.max(lines, LEAST_LINES) + 1}
          value={value}
          onChange={event => onChange(event.target.value)}
        />
      </div>
      <SpaceBetween direction="horizontal" size="s" alignItems="center">
        <div id={`${id}-state`} aria-live="polite">
          <State check={check} error={error} label={label} />
        </div>
        <Button variant="inline-link" disabled={check.state === 'empty' || jsonProblem(value) !== undefined} onClick={() => onChange(pretty(value))}>
          Format
        </Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}

function State({ check, error, label }: { check: Check; error?: string; label: string }) {
  if (error) return <StatusIndicator type="error">{error}</StatusIndicator>;
  switch (check.state) {
    case 'empty':
      return <Box color="text-body-secondary">{label}: nothing is written yet.</Box>;
    case 'checking':
      return <StatusIndicator type="in-progress">Checking</StatusIndicator>;
    case 'good':
      return <StatusIndicator type="success">No mistakes</StatusIndicator>;
    case 'unknown':
      return <StatusIndicator type="info">{check.message}</StatusIndicator>;
    case 'bad':
      return <StatusIndicator type="error">{check.message}</StatusIndicator>;
  }
}
