// The resource policy of a secret: who may do what with it, whatever their own policies say.
import { DeleteResourcePolicyCommand, PutResourcePolicyCommand, ValidateResourcePolicyCommand } from '@aws-sdk/client-secrets-manager';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';
import { useState } from 'react';

import { cli, file } from '../../aws/cli';
import { secretsManager } from '../../aws/clients';
import { session } from '../../aws/session';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Dialog } from '../../components/Dialog';
import { ErrorAlert } from '../../components/ErrorAlert';
import { JsonEditor, useCheck } from '../../components/JsonEditor';
import { JsonView, pretty } from '../../components/JsonView';
import { useSubmit } from '../../components/useSubmit';
import { useNotifications } from '../../frame/notifications';
import { secretPolicy } from './data';

export function SecretPolicy({ arn }: { arn: string }) {
  const live = useLive(() => secretPolicy(arn), [arn], { every: 10_000 });
  const [draft, setDraft] = useState<string>();
  const [deleting, setDeleting] = useState(false);
  const close = () => {
    setDraft(undefined);
    setDeleting(false);
    void live.refresh();
  };
  if (draft !== undefined) return <EditPolicy arn={arn} draft={draft} onDraft={setDraft} onClose={close} />;
  const edit = <Button onClick={() => setDraft(live.data ? pretty(live.data) : example(arn))}>Edit</Button>;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="It stands on the secret itself, and is asked beside the policies of who calls."
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button disabled={!live.data} onClick={() => setDeleting(true)}>
                Delete
              </Button>
              {edit}
            </SpaceBetween>
          }
        >
          Resource policy
        </Header>
      }
    >
      {live.error !== undefined && <ErrorAlert error={live.error} onRetry={() => void live.refresh()} />}
      {live.data ? (
        <JsonView value={live.data} name="resource-policy" />
      ) : (
        !live.loading && <Box color="text-body-secondary">No resource policy. Who may read the secret is said by their own policies alone.</Box>
      )}
      {deleting && <DeletePolicy arn={arn} onClose={close} />}
    </Container>
  );
}

function EditPolicy({ arn, draft, onDraft, onClose }: { arn: string; draft: string; onDraft: (text: string) => void; onClose: () => void }) {
  const [block, setBlock] = useState(true);
  const { success } = useNotifications();
  const submit = useSubmit({ policy: /polic|MalformedPolicy/i });
  const check = useCheck(draft, async ResourcePolicy => {
    const answer = await secretsManager().send(new ValidateResourcePolicyCommand({ SecretId: arn, ResourcePolicy }));
    const errors = answer.ValidationErrors?.flatMap(({ ErrorMessage }) => ErrorMessage ?? []) ?? [];
    if (answer.PolicyValidationPassed === false) throw new Error(errors.join(' ') || 'The policy is not valid.');
  });
  const save = () =>
    submit.run(async () => {
      await secretsManager().send(new PutResourcePolicyCommand({ SecretId: arn, ResourcePolicy: draft, BlockPublicPolicy: block }));
      success('The resource policy is saved.');
      onClose();
    });
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button onClick={onClose}>Cancel</Button>
              <Button variant="primary" loading={submit.working} disabled={check.state === 'bad' || check.state === 'empty'} onClick={() => void save()}>
                Save
              </Button>
            </SpaceBetween>
          }
        >
          Resource policy
        </Header>
      }
    >
      <SpaceBetween size="m">
        {submit.rest !== undefined && <ErrorAlert error={submit.rest} header="The policy was not saved" />}
        <JsonEditor
          label="Resource policy"
          value={draft}
          check={check}
          error={submit.at('policy')}
          onChange={text => {
            submit.clear();
            onDraft(text);
          }}
        />
        <Toggle checked={block} onChange={({ detail }) => setBlock(detail.checked)} description="Refuses a policy that lets everybody in.">
          Block public access
        </Toggle>
        <CliCommand
          note="Write the policy into policy.json first."
          command={cli('secretsmanager put-resource-policy', { 'secret-id': arn, 'resource-policy': file('policy.json'), 'block-public-policy': block })}
        />
      </SpaceBetween>
    </Container>
  );
}

function DeletePolicy({ arn, onClose }: { arn: string; onClose: () => void }) {
  const { success } = useNotifications();
  return (
    <Dialog
      title="Delete the resource policy?"
      action="Delete"
      onClose={onClose}
      onAction={async () => {
        await secretsManager().send(new DeleteResourcePolicyCommand({ SecretId: arn }));
        success('The resource policy is deleted.');
      }}
    >
      <Box>Who may read the secret is then said by their own policies alone.</Box>
      <CliCommand command={cli('secretsmanager delete-resource-policy', { 'secret-id': arn })} />
    </Dialog>
  );
}

/** Something to begin with: the account itself may do everything. */
function example(arn: string): string {
  const statement = {
    Sid: 'ReadByThisAccount',
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${session().account}:root` },
    Action: 'secretsmanager:GetSecretValue',
    Resource: arn,
  };
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] }, null, 2);
}
