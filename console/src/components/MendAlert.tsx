// What mends a broken link: a sentence, and each mend that the server offers, with its commands and a button that does it.
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';

import { canPerform, perform } from '../aws/mend';
import type { Mend, Step } from '../aws/tidegate';
import { useNotifications } from '../frame/notifications';
import { Command } from './Command';
import { Dialog } from './Dialog';
import { pretty } from './JsonView';

interface MendAlertProps {
  text?: string;
  mends?: Mend[];
  /** Looks at the road again. */
  onMended?: (mend: Mend) => void;
}

export function MendAlert({ text, mends = [], onMended }: MendAlertProps) {
  const [asking, setAsking] = useState<Mend>();
  return (
    <Alert type="info" header="What mends it">
      <SpaceBetween size="s">
        {text && <span className="break">{text}</span>}
        {mends.map((mend, at) => (
          <SpaceBetween key={at} size="xxs">
            <SpaceBetween direction="horizontal" size="xs" alignItems="center">
              <Box variant="strong">{mend.title}</Box>
              {mend.steps.length > 0 && canPerform(mend) && onMended && (
                <Button variant="normal" ariaLabel={`Mend it: ${mend.title}`} onClick={() => setAsking(mend)}>
                  Mend it
                </Button>
              )}
            </SpaceBetween>
            <Command text={(mend.steps.length > 0 ? mend.steps : [mend.runAgain!]).map(({ command }) => command).join('\n')} />
          </SpaceBetween>
        ))}
        {asking && onMended && <Perform mend={asking} onClose={() => setAsking(undefined)} onMended={() => onMended(asking)} />}
      </SpaceBetween>
    </Alert>
  );
}

/** Shows exactly what will be done, asks for what only a person knows, and does it. */
function Perform({ mend, onClose, onMended }: { mend: Mend; onClose: () => void; onMended: () => void }) {
  const [filled, setFilled] = useState<Record<string, string>>({});
  const { success } = useNotifications();
  const asks = mend.asks ?? [];
  return (
    <Dialog
      title={`${mend.title}?`}
      action="Mend it"
      disabled={asks.some(word => !filled[word])}
      onClose={onClose}
      onAction={async () => {
        await perform(mend, filled);
        success(`Done: ${mend.title}. The road is looked at again.`);
        onMended();
      }}
    >
      {mend.steps.map((step, at) => (
        <StepView key={at} step={step} />
      ))}
      {asks.map(word => (
        <FormField key={word} label={labelOf(word)}>
          <Input
            type={word.includes('password') ? 'password' : 'text'}
            autoComplete={word.includes('password') ? 'new-password' : false}
            ariaLabel={labelOf(word)}
            value={filled[word] ?? ''}
            onChange={({ detail }) => setFilled({ ...filled, [word]: detail.value })}
          />
        </FormField>
      ))}
    </Dialog>
  );
}

function StepView({ step }: { step: Step }) {
  return (
    <SpaceBetween size="xxs">
      <Box variant="strong">
        {step.service}:{step.operation}
        {step.region && ` in ${step.region}`}
      </Box>
      <pre className="json">{pretty(readable(step.input))}</pre>
    </SpaceBetween>
  );
}

/** The input with its policy documents as JSON, not as texts of JSON. */
function readable(input: string): string {
  const opened = Object.entries(JSON.parse(input) as Record<string, unknown>).map(([name, value]) => {
    return [name, typeof value === 'string' && name.endsWith('Document') ? JSON.parse(value) : value] as const;
  });
  return JSON.stringify(Object.fromEntries(opened));
}

/** `<user name>` as the label of a field. */
function labelOf(word: string): string {
  const name = word.slice(1, -1);
  return name.charAt(0).toUpperCase() + name.slice(1);
}
