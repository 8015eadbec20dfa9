// Whether a secret changes by itself. What changes it is a command of the operator's, in the place of AWS's Lambda function.
import { CancelRotateSecretCommand, RotateSecretCommand, type DescribeSecretCommandOutput } from '@aws-sdk/client-secrets-manager';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';

import { cli } from '../../aws/cli';
import { secretsManager } from '../../aws/clients';
import { CliCommand } from '../../components/CliCommand';
import { Dialog } from '../../components/Dialog';
import { Time } from '../../components/Time';
import { useNotifications } from '../../frame/notifications';

export const ROTATES =
  'AWS rotates by a Lambda function. Here a command of the operator’s does it, which the server is started with (--rotation-command); without one the server refuses to rotate.';

interface SecretRotationProps {
  secret: DescribeSecretCommandOutput;
  onChanged: () => void;
}

export function SecretRotation({ secret, onChanged }: SecretRotationProps) {
  const [open, setOpen] = useState<'set' | 'cancel'>();
  const close = () => {
    setOpen(undefined);
    onChanged();
  };
  const rules = secret.RotationRules;
  const every = rules?.ScheduleExpression ?? (rules?.AutomaticallyAfterDays ? `every ${rules.AutomaticallyAfterDays} days` : undefined);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={ROTATES}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button disabled={!secret.RotationEnabled} onClick={() => setOpen('cancel')}>
                Turn off
              </Button>
              <Button onClick={() => setOpen('set')}>Rotate</Button>
            </SpaceBetween>
          }
        >
          Rotation
        </Header>
      }
    >
      <KeyValuePairs
        columns={4}
        items={[
          { label: 'Automatic rotation', value: secret.RotationEnabled ? 'On' : 'Off' },
          { label: 'When', value: every ?? '-' },
          { label: 'Last rotated', value: <Time value={secret.LastRotatedDate} /> },
          { label: 'Next rotation', value: <Time value={secret.NextRotationDate} /> },
        ]}
      />
      {open === 'set' && <Rotate arn={secret.ARN ?? ''} onClose={close} />}
      {open === 'cancel' && <Cancel arn={secret.ARN ?? ''} onClose={close} />}
    </Container>
  );
}

function Rotate({ arn, onClose }: { arn: string; onClose: () => void }) {
  const [days, setDays] = useState('30');
  const [now, setNow] = useState(true);
  const number = Number(days);
  const bad = !Number.isInteger(number) || number < 1 || number > 1000;
  const { success } = useNotifications();
  return (
    <Dialog
      title="Rotate the secret"
      action="Rotate"
      disabled={bad}
      onClose={onClose}
      onAction={async () => {
        await secretsManager().send(new RotateSecretCommand({ SecretId: arn, RotationRules: { AutomaticallyAfterDays: number }, RotateImmediately: now }));
        success(now ? 'The secret is being rotated.' : 'The secret rotates from now on.');
      }}
    >
      <FormField label="Every so many days" constraintText="1 to 1,000." errorText={bad ? 'A whole number from 1 to 1,000.' : undefined}>
        <Input type="number" inputMode="numeric" value={days} onChange={({ detail }) => setDays(detail.value)} />
      </FormField>
      <Checkbox checked={now} onChange={({ detail }) => setNow(detail.checked)}>
        Rotate at once, too
      </Checkbox>
      <CliCommand
        command={`${cli('secretsmanager rotate-secret', { 'secret-id': arn, 'rotation-rules': { AutomaticallyAfterDays: number } })}${now ? '' : ' \\\n  --no-rotate-immediately'}`}
      />
    </Dialog>
  );
}

function Cancel({ arn, onClose }: { arn: string; onClose: () => void }) {
  const { success } = useNotifications();
  return (
    <Dialog
      title="Turn automatic rotation off?"
      action="Turn off"
      onClose={onClose}
      onAction={async () => {
        await secretsManager().send(new CancelRotateSecretCommand({ SecretId: arn }));
        success('The secret stays as it is.');
      }}
    >
      <Box>The value stays as it is until somebody changes it. A rotation that is under way is not finished.</Box>
      <CliCommand command={cli('secretsmanager cancel-rotate-secret', { 'secret-id': arn })} />
    </Dialog>
  );
}
