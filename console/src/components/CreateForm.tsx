// The frame of a page that makes one thing: its fields, what the server refused, and the buttons.
import Button from '@cloudscape-design/components/button';
import Form from '@cloudscape-design/components/form';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { ReactNode } from 'react';
import { useNavigate } from 'react-router-dom';

import { ErrorAlert } from './ErrorAlert';
import type { Submit } from './useSubmit';

interface CreateFormProps {
  /** What is made: "policy". */
  what: string;
  /** Where one comes from, and goes to without it. */
  back: string;
  submit: Pick<Submit<string>, 'working' | 'rest'>;
  disabled: boolean;
  onCreate: () => Promise<void>;
  children: ReactNode;
}

export function CreateForm({ what, back, submit, disabled, onCreate, children }: CreateFormProps) {
  const navigate = useNavigate();
  const refused = submit.rest !== undefined;
  return (
    <form
      onSubmit={event => {
        event.preventDefault();
        void onCreate();
      }}
    >
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button formAction="none" variant="link" onClick={() => void navigate(back)}>
              Cancel
            </Button>
            <Button variant="primary" loading={submit.working} disabled={disabled}>
              Create {what}
            </Button>
          </SpaceBetween>
        }
        errorText={refused ? `The ${what} was not created; the reason is above.` : undefined}
      >
        <SpaceBetween size="l">
          {refused && <ErrorAlert error={submit.rest} header={`The ${what} was not created`} />}
          {children}
        </SpaceBetween>
      </Form>
    </form>
  );
}
