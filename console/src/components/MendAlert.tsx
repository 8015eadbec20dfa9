// What mends a broken link: a sentence, a command, and where the page can do it, a button.
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';

import { mendOf, words } from '../aws/mend';
import { useNotifications } from '../frame/notifications';
import { Command } from './Command';
import { Dialog } from './Dialog';
import { pretty } from './JsonView';

export function MendAlert({ text }: { text: string }) {
  const [asking, setAsking] = useState(false);
  const [done, setDone] = useState(false);
  const { success } = useNotifications();
  const mend = mendOf(text);
  const isCommand = text.startsWith('aws ') && words(text) !== undefined;
  return (
    <Alert
      type={done ? 'success' : 'info'}
      header={done ? 'Mended' : 'What mends it'}
      action={mend && !done && <Button onClick={() => setAsking(true)}>Mend it</Button>}
    >
      {done && 'Run the task again. '}
      {!done && (isCommand ? <Command text={text} /> : <span className="break">{text}</span>)}
      {asking && mend && (
        <Dialog
          title={`${mend.action}?`}
          action={mend.action}
          onClose={() => setAsking(false)}
          onAction={async () => {
            await mend.run();
            setDone(true);
            success('Mended. Run the task again.');
          }}
        >
          <SpaceBetween size="s">
            <span className="break">{mend.subject}</span>
            {mend.document && <pre className="json">{pretty(mend.document)}</pre>}
          </SpaceBetween>
        </Dialog>
      )}
    </Alert>
  );
}
