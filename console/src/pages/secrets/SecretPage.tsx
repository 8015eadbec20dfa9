// One secret: what it is, its value on a click, versions, policy, who read it, tags.
import { TagResourceCommand, UntagResourceCommand, type DescribeSecretCommandOutput } from '@aws-sdk/client-secrets-manager';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { useState } from 'react';
import { useLocation, useParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { secretsManager } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { Command } from '../../components/Command';
import { Copy } from '../../components/Copy';
import { Loaded } from '../../components/Loaded';
import { TagsPanel } from '../../components/Tags';
import { Time } from '../../components/Time';
import { To } from '../../components/To';
import { Page } from '../../frame/page';
import { useTab } from '../../frame/useTab';
import { EventsTable } from '../audit/EventsTable';
import { describeSecret } from './data';
import { DEFAULT_KEY } from './KeySelect';
import { DeleteSecret, EditSecret, RestoreSecret } from './SecretDialogs';
import { SecretPolicy } from './SecretPolicy';
import { SecretReplicas } from './SecretReplicas';
import { SecretRotation } from './SecretRotation';
import { SecretValue } from './SecretValue';
import { SecretVersions } from './SecretVersions';

const READINGS = ['GetSecretValue', 'BatchGetSecretValue'];

export function SecretPage() {
  const { secret: id = '' } = useParams();
  const stored = Boolean((useLocation().state as { stored?: boolean } | null)?.stored);
  const live = useLive(() => describeSecret(id), [id]);
  const [dialog, setDialog] = useState<'delete' | 'restore' | 'edit'>();
  const tab = useTab('overview');
  const secret = live.data;
  const name = secret?.Name ?? id;
  const arn = secret?.ARN ?? id;
  const close = () => {
    setDialog(undefined);
    void live.refresh();
  };
  const actions = secret && (
    <SpaceBetween direction="horizontal" size="xs">
      <Button disabled={secret.DeletedDate !== undefined} onClick={() => setDialog('edit')}>
        Edit
      </Button>
      {secret.DeletedDate ? (
        <Button onClick={() => setDialog('restore')}>Cancel deletion</Button>
      ) : (
        <Button onClick={() => setDialog('delete')}>Delete</Button>
      )}
    </SpaceBetween>
  );
  return (
    <Page title={name} crumbs={[{ text: 'Secrets', path: paths.secrets() }, { text: name }]} actions={actions}>
      <Loaded live={live}>
        {secret => [
          stored && <Stored key="stored" arn={arn} />,
          secret.DeletedDate && (
            <Alert
              key="deleted"
              type="warning"
              header="This secret waits for its deletion"
              action={<Button onClick={() => setDialog('restore')}>Cancel deletion</Button>}
            >
              Since <Time value={secret.DeletedDate} /> nobody can read it.
            </Alert>
          ),
          <Details key="details" secret={secret} />,
          <Tabs
            key="tabs"
            {...tab}
            tabs={[
              {
                id: 'overview',
                label: 'Value',
                content: (
                  <SpaceBetween size="l">
                    <SecretValue arn={arn} deleted={secret.DeletedDate !== undefined} onChanged={() => void live.refresh()} />
                    <Use arn={arn} />
                  </SpaceBetween>
                ),
              },
              { id: 'versions', label: 'Versions', content: <SecretVersions arn={arn} /> },
              { id: 'rotation', label: 'Rotation', content: <SecretRotation secret={secret} onChanged={() => void live.refresh()} /> },
              { id: 'replicas', label: 'Replicas', content: <SecretReplicas live={live} /> },
              { id: 'policy', label: 'Resource policy', content: <SecretPolicy arn={arn} /> },
              {
                id: 'readers',
                label: 'Who read it',
                content: (
                  <EventsTable
                    title="Readings"
                    level="h2"
                    fixed={{ resource: arn }}
                    names={READINGS}
                    empty={{ text: 'Nobody has read it yet, as far as the audit goes back.' }}
                  />
                ),
              },
              {
                id: 'tags',
                label: 'Tags',
                content: (
                  <TagsPanel
                    tags={(secret.Tags ?? []).map(({ Key, Value }) => ({ key: Key ?? '', value: Value ?? '' }))}
                    onSave={async (changed, TagKeys) => {
                      const Tags = changed.map(({ key, value }) => ({ Key: key, Value: value }));
                      if (TagKeys.length) await secretsManager().send(new UntagResourceCommand({ SecretId: arn, TagKeys }));
                      if (Tags.length) await secretsManager().send(new TagResourceCommand({ SecretId: arn, Tags }));
                      await live.refresh();
                    }}
                  />
                ),
              },
            ]}
          />,
        ]}
      </Loaded>
      {dialog === 'delete' && <DeleteSecret arn={arn} name={name} onClose={close} />}
      {dialog === 'restore' && <RestoreSecret arn={arn} name={name} onClose={close} />}
      {dialog === 'edit' && (
        <EditSecret arn={arn} name={name} description={secret?.Description ?? ''} keyId={secret?.KmsKeyId ?? DEFAULT_KEY} onClose={close} />
      )}
    </Page>
  );
}

function Details({ secret }: { secret: DescribeSecretCommandOutput }) {
  return (
    <Container header={<Header variant="h2">Secret details</Header>}>
      <KeyValuePairs
        columns={3}
        minColumnWidth={230}
        items={[
          { label: 'Secret name', value: <span className="break">{secret.Name}</span> },
          { label: 'ARN', value: <Copy text={secret.ARN ?? ''} label="ARN" shown /> },
          {
            label: 'Encryption key',
            value: secret.KmsKeyId ? <KeyLink id={secret.KmsKeyId} /> : 'aws/secretsmanager',
          },
          { label: 'Description', value: <span className="break">{secret.Description || '-'}</span> },
          { label: 'Created', value: <Time value={secret.CreatedDate} /> },
          { label: 'Changed', value: <Time value={secret.LastChangedDate} /> },
        ]}
      />
    </Container>
  );
}

function KeyLink({ id }: { id: string }) {
  if (id.includes('alias/')) return <span className="break">{id.split('alias/').at(-1)}</span>;
  return (
    <To path={paths.key(id)}>
      <span className="break">{id}</span>
    </To>
  );
}

function Stored({ arn }: { arn: string }) {
  return (
    <Alert type="success" header="The secret is stored">
      <SpaceBetween size="xs">
        <div>
          Its ARN: <Copy text={arn} label="ARN of the new secret" shown />
        </div>
        <div>
          Next: <To path={paths.createPolicy(arn)}>write a policy that allows to read it</To>, then{' '}
          <To path={paths.createTaskDefinition(arn)}>use it in a task definition</To>.
        </div>
      </SpaceBetween>
    </Alert>
  );
}

function Use({ arn }: { arn: string }) {
  return (
    <Container header={<Header variant="h2">Use it for a private registry</Header>}>
      <SpaceBetween size="s">
        <Box>
          Name it in the container of a <To path={paths.createTaskDefinition(arn)}>task definition</To>, as the private registry’s
          login:
        </Box>
        <Command label="repositoryCredentials" text={`"repositoryCredentials": { "credentialsParameter": ${JSON.stringify(arn)} }`} />
        <Box>
          The task execution role must be allowed to read it: <To path={paths.createPolicy(arn)}>create the policy</To>, then{' '}
          <To path={paths.roles()}>attach it to the role</To>.
        </Box>
      </SpaceBetween>
    </Container>
  );
}
