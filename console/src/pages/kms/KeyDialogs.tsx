// What can be done with a key.
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  DeleteAliasCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import Box from '@cloudscape-design/components/box';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { useState } from 'react';

import { cli } from '../../aws/cli';
import { kms } from '../../aws/clients';
import { CliCommand } from '../../components/CliCommand';
import { Dialog } from '../../components/Dialog';
import { useNotifications } from '../../frame/notifications';

interface Of {
  id: string;
  onClose: () => void;
}

export function DisableKey({ id, onClose }: Of) {
  const { success } = useNotifications();
  return (
    <Dialog
      title="Disable the key?"
      action="Disable"
      onClose={onClose}
      onAction={async () => {
        await kms().send(new DisableKeyCommand({ KeyId: id }));
        success('The key is disabled.');
      }}
    >
      <Box>As long as it is disabled, no secret under it can be read: tasks that need one do not start.</Box>
      <CliCommand command={cli('kms disable-key', { 'key-id': id })} />
    </Dialog>
  );
}

export function EnableKey({ id, onClose }: Of) {
  const { success } = useNotifications();
  return (
    <Dialog
      title="Enable the key?"
      action="Enable"
      onClose={onClose}
      onAction={async () => {
        await kms().send(new EnableKeyCommand({ KeyId: id }));
        success('The key is enabled.');
      }}
    >
      <Box>Secrets under it can be read again at once, by those who may.</Box>
      <CliCommand command={cli('kms enable-key', { 'key-id': id })} />
    </Dialog>
  );
}

export function DeleteKey({ id, onClose }: Of) {
  const [days, setDays] = useState('30');
  const { success } = useNotifications();
  const number = Number(days);
  const bad = !Number.isInteger(number) || number < 7 || number > 30;
  return (
    <Dialog
      title="Schedule the deletion of the key?"
      action="Schedule deletion"
      disabled={bad}
      onClose={onClose}
      onAction={async () => {
        await kms().send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: number }));
        success(<>The key will be deleted in {days} days.</>);
      }}
    >
      <Box>It is of no use from now on. When it is deleted, everything under it is lost for ever; until then you can cancel.</Box>
      <FormField label="Waiting period in days" constraintText="7 to 30." errorText={bad ? 'A whole number from 7 to 30.' : undefined}>
        <Input type="number" inputMode="numeric" value={days} onChange={({ detail }) => setDays(detail.value)} />
      </FormField>
      <CliCommand command={cli('kms schedule-key-deletion', { 'key-id': id, 'pending-window-in-days': number })} />
    </Dialog>
  );
}

export function CancelDeletion({ id, onClose }: Of) {
  const { success } = useNotifications();
  return (
    <Dialog
      title="Cancel the deletion of the key?"
      action="Cancel deletion"
      onClose={onClose}
      onAction={async () => {
        await kms().send(new CancelKeyDeletionCommand({ KeyId: id }));
        success('The key stays. It is disabled until you enable it.');
      }}
    >
      <Box>The key stays, and is disabled until you enable it.</Box>
      <CliCommand command={cli('kms cancel-key-deletion', { 'key-id': id })} />
    </Dialog>
  );
}

export function AddAlias({ id, onClose }: Of) {
  const [alias, setAlias] = useState('');
  const { success } = useNotifications();
  const name = `alias/${alias.replace(/^alias\//, '')}`;
  return (
    <Dialog
      title="Add an alias"
      action="Add"
      disabled={!alias}
      onClose={onClose}
      onAction={async () => {
        await kms().send(new CreateAliasCommand({ AliasName: name, TargetKeyId: id }));
        success(<>The key is also called {alias}.</>);
      }}
    >
      <FormField label="Alias" constraintText="Letters, digits and /_-; it may not begin with aws/.">
        <Input value={alias} autoFocus autoComplete={false} onChange={({ detail }) => setAlias(detail.value)} />
      </FormField>
      <CliCommand command={cli('kms create-alias', { 'alias-name': name, 'target-key-id': id })} />
    </Dialog>
  );
}

export function DeleteAlias({ alias, onClose }: { alias: string; onClose: () => void }) {
  const { success } = useNotifications();
  return (
    <Dialog
      title={`Delete ${alias}?`}
      action="Delete"
      onClose={onClose}
      onAction={async () => {
        await kms().send(new DeleteAliasCommand({ AliasName: alias }));
        success(<>{alias} is deleted.</>);
      }}
    >
      <Box>The key itself stays. What names the key by this alias does not find it any more.</Box>
      <CliCommand command={cli('kms delete-alias', { 'alias-name': alias })} />
    </Dialog>
  );
}
