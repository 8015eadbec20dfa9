// Copying a text. Where the page is on plain HTTP the browser gives no clipboard; the text is then selected instead, so
// that Ctrl+C takes it.
import Button from '@cloudscape-design/components/button';
import Input from '@cloudscape-design/components/input';
import Popover from '@cloudscape-design/components/popover';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';

interface CopyProps {
  text: string;
  /** What is copied, for those who hear the page: "ARN". */
  label: string;
  /** Show the text before the button. */
  shown?: boolean;
}

export function Copy({ text, label, shown }: CopyProps) {
  const [state, setState] = useState<'copied' | 'by hand'>('copied');
  const copy = () => {
    if (!navigator.clipboard) {
      setState('by hand');
      return;
    }
    navigator.clipboard.writeText(text).then(
      () => setState('copied'),
      () => setState('by hand'),
    );
  };
  const said =
    state === 'copied' ? (
      <StatusIndicator type="success">{label} copied</StatusIndicator>
    ) : (
      <div ref={element => element?.querySelector('input')?.select()}>
        Press Ctrl+C to copy.
        <Input value={text} readOnly ariaLabel={label} onChange={() => {}} />
      </div>
    );
  return (
    <>
      <Popover triggerType="custom" dismissButton={false} position="top" size="medium" content={said}>
        <Button variant="inline-icon" iconName="copy" ariaLabel={`Copy ${label}`} onClick={copy} />
      </Popover>
      {shown && <span className="break"> {text}</span>}
    </>
  );
}
