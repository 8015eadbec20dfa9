// A question with one action. It stays open while that is done, and says in place why it could not be.
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { Children, useState, type ReactNode } from 'react';

import { ErrorAlert } from './ErrorAlert';

interface DialogProps {
  title: string;
  /** The word on the button: "Delete". */
  action: string;
  /** Does it; the dialog closes when that is done. */
  onAction: () => Promise<void>;
  onClose: () => void;
  disabled?: boolean;
  children: ReactNode;
}

export function Dialog({ title, action, onAction, onClose, disabled, children }: DialogProps) {
  const [working, setWorking] = useState(false);
  const [error, setError] = useState<unknown>();
  const act = async () => {
    setWorking(true);
    setError(undefined);
    try {
      await onAction();
      onClose();
    } catch (refused) {
      setError(refused);
      setWorking(false);
    }
  };
  return (
    <Modal
      visible
      header={title}
      onDismiss={onClose}
      closeAriaLabel="Close"
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={onClose}>Cancel</Button>
            <Button variant="primary" loading={working} disabled={disabled} onClick={() => void act()}>
              {action}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {Children.map(children, child => (typeof child === 'string' ? <div>{child}</div> : child))}
        {error !== undefined && <ErrorAlert error={error} />}
      </SpaceBetween>
    </Modal>
  );
}
