// What can be done with a secret beside reading and writing its value.
import { DeleteSecretCommand, RestoreSecretCommand, UpdateSecretCommand } from '@aws-sdk/client-secrets-manager';
import Box from '@cloudscape-design/components/box';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Textarea from '@cloudscape-design/components/textarea';
import { useState } from 'react';

import { cli } from '../../aws/cli';
import { secretsManager } from '../../aws/clients';
import { CliCommand } from '../../components/CliCommand';
import { Dialog } from '../../components/Dialog';
import { useNotifications } from '../../frame/notifications';
import { KeySelect } from './KeySelect';

interface Of {
  arn: string;
  name: string;
  onClose: () => void;
}

export function DeleteSecret({ arn, name, onClose }: Of) {
  const [days, setDays] = useState('30');
  const { success } = useNotifications();
  const number = Number(days);
  const bad = !Number.isInteger(number) || number < 7 || number > 30;
  return (
    <Dialog
      title={`Delete the secret ${name}?`}
      action="Schedule deletion"
      disabled={bad}
      onClose={onClose}
      onAction={async () => {
        await secretsManager().send(new DeleteSecretCommand({ SecretId: arn, RecoveryWindowInDays: number }));
        success(<>The secret {name} will be deleted in {days} days.</>);
      }}
    >
      <Box>
        From now on nobody can read it: tasks that need it do not start. Until the window is over, you can cancel the
        deletion.
      </Box>
      <FormField label="Recovery window in days" constraintText="7 to 30." errorText={bad ? 'A whole number from 7 to 30.' : undefined}>
        <Input type="number" inputMode="numeric" value={days} onChange={({ detail }) => setDays(detail.value)} />
      </FormField>
      <CliCommand command={cli('secretsmanager delete-secret', { 'secret-id': arn, 'recovery-window-in-days': number })} />
    </Dialog>
  );
}

export function RestoreSecret({ arn, name, onClose }: Of) {
  const { success } = useNotifications();
  return (
    <Dialog
      title={`Cancel the deletion of ${name}?`}
      action="Cancel deletion"
      onClose={onClose}
      onAction={async () => {
        await secretsManager().send(new RestoreSecretCommand({ SecretId: arn }));
        success(<>The secret {name} stays, and can be read again.</>);
      }}
    >
      <Box>The secret stays, with all its versions, and can be read again at once.</Box>
      <CliCommand command={cli('secretsmanager restore-secret', { 'secret-id': arn })} />
    </Dialog>
  );
}

export function EditSecret({ arn, name, description, keyId, onClose }: Of & { description: string; keyId: string }) {
  const [text, setText] = useState(description);
  const [key, setKey] = useState(keyId);
  const { success } = useNotifications();
  const changed = { Description: text === description ? undefined : text, KmsKeyId: key === keyId ? undefined : key };
  return (
    <Dialog
      title={`Change ${name}`}
      action="Save"
      disabled={changed.Description === undefined && changed.KmsKeyId === undefined}
      onClose={onClose}
      onAction={async () => {
        await secretsManager().send(new UpdateSecretCommand({ SecretId: arn, ...changed }));
        success(<>The secret {name} is changed.</>);
      }}
    >
      <FormField label="Description" constraintText="Up to 2,048 characters.">
        <Textarea value={text} rows={2} onChange={({ detail }) => setText(detail.value)} />
      </FormField>
      <KeySelect value={key} onChange={setKey} />
      <CliCommand
        command={cli('secretsmanager update-secret', { 'secret-id': arn, description: changed.Description, 'kms-key-id': changed.KmsKeyId })}
      />
    </Dialog>
  );
}
