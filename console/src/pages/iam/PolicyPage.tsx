// One policy: its document, its versions, whom it is attached to.
import {
  CreatePolicyVersionCommand,
  DeletePolicyVersionCommand,
  SetDefaultPolicyVersionCommand,
  TagPolicyCommand,
  UntagPolicyCommand,
  type Policy,
  type PolicyVersion,
} from '@aws-sdk/client-iam';
import Badge from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Tabs from '@cloudscape-design/components/tabs';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli, file } from '../../aws/cli';
import { iam } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { Dialog } from '../../components/Dialog';
import { JsonView } from '../../components/JsonView';
import { Loaded } from '../../components/Loaded';
import { LiveTable, type Column } from '../../components/LiveTable';
import { PolicyPanel } from '../../components/PolicyPanel';
import { TagsPanel } from '../../components/Tags';
import { Time } from '../../components/Time';
import { To } from '../../components/To';
import { useNotifications } from '../../frame/notifications';
import { Page } from '../../frame/page';
import { useTab } from '../../frame/useTab';
import { checkPolicy } from './check';
import { entities, policy as ask, policyDocument, policyVersions, tagsOf, type Entity } from './data';
import { DeletePolicy } from './PoliciesPage';

const AWS_OWN = 'AWS writes this policy.';

export function PolicyPage() {
  const { policy: arn = '' } = useParams();
  const live = useLive(() => ask(arn), [arn]);
  const tab = useTab('permissions');
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const own = !arn.startsWith('arn:aws:iam::aws:');
  const name = live.data?.PolicyName ?? arn.split('/').at(-1) ?? arn;
  return (
    <Page
      title={name}
      crumbs={[{ text: 'Policies', path: paths.policies() }, { text: name }]}
      actions={own && <Button onClick={() => setDeleting(true)}>Delete</Button>}
    >
      <Loaded live={live}>
        {policy => [
          <Details key="details" of={policy} own={own} />,
          <Tabs
            key="tabs"
            {...tab}
            tabs={[
              { id: 'permissions', label: 'Permissions', content: <Document of={policy} own={own} onSaved={live.refresh} /> },
              { id: 'versions', label: 'Versions', content: <Versions arn={arn} own={own} onChanged={live.refresh} /> },
              { id: 'entities', label: 'Attached to', content: <Entities arn={arn} /> },
              {
                id: 'tags',
                label: 'Tags',
                content: (
                  <TagsPanel
                    tags={tagsOf(policy.Tags)}
                    onSave={async (changed, TagKeys) => {
                      const Tags = changed.map(({ key, value }) => ({ Key: key, Value: value }));
                      if (TagKeys.length) await iam().send(new UntagPolicyCommand({ PolicyArn: arn, TagKeys }));
                      if (Tags.length) await iam().send(new TagPolicyCommand({ PolicyArn: arn, Tags }));
                      await live.refresh();
                    }}
                  />
                ),
              },
            ].filter(({ id }) => own || id !== 'tags')}
          />,
        ]}
      </Loaded>
      {deleting && <DeletePolicy arn={arn} onClose={() => setDeleting(false)} onDeleted={() => void navigate(paths.policies())} />}
    </Page>
  );
}

function Details({ of, own }: { of: Policy; own: boolean }) {
  return (
    <Container header={<Header variant="h2">Policy details</Header>}>
      <KeyValuePairs
        columns={3}
        minColumnWidth={230}
        items={[
          { label: 'ARN', value: <Copy text={of.Arn ?? ''} label="ARN" shown /> },
          { label: 'Type', value: own ? 'Customer managed' : 'AWS managed' },
          { label: 'Default version', value: of.DefaultVersionId ?? '-' },
          { label: 'Description', value: <span className="break">{of.Description || '-'}</span> },
          { label: 'Created', value: <Time value={of.CreateDate} /> },
          { label: 'Changed', value: <Time value={of.UpdateDate} /> },
        ]}
      />
    </Container>
  );
}

function Document({ of, own, onSaved }: { of: Policy; own: boolean; onSaved: () => Promise<void> }) {
  const arn = of.Arn ?? '';
  const version = of.DefaultVersionId;
  const live = useLive(() => policyDocument(arn, version), [arn, version], { every: () => false });
  return (
    <Loaded live={live}>
      {document => (
        <PolicyPanel
          title="Permissions"
          name={of.PolicyName ?? 'policy'}
          description={`What the policy allows, by its default version ${version}. A change becomes a new version, and the default.`}
          document={document}
          check={checkPolicy}
          fixed={own ? undefined : AWS_OWN}
          command={cli('iam create-policy-version', { 'policy-arn': arn, 'policy-document': file('policy.json'), 'set-as-default': true })}
          save={async PolicyDocument => {
            await iam().send(new CreatePolicyVersionCommand({ PolicyArn: arn, PolicyDocument, SetAsDefault: true }));
            await onSaved();
          }}
        />
      )}
    </Loaded>
  );
}

function Versions({ arn, own, onChanged }: { arn: string; own: boolean; onChanged: () => Promise<void> }) {
  const live = useLive(() => policyVersions(arn), [arn], { every: 5_000 });
  const [open, setOpen] = useState<{ what: 'default' | 'delete'; version: string }>();
  const { success } = useNotifications();
  const columns: Column<PolicyVersion>[] = [
    {
      id: 'version',
      header: 'Version',
      width: 160,
      text: version => version.VersionId,
      cell: version => (
        <>
          {version.VersionId} {version.IsDefaultVersion && <Badge color="green">default</Badge>}
        </>
      ),
    },
    {
      id: 'created',
      header: 'Created',
      text: version => version.CreateDate?.getTime(),
      cell: version => <Time value={version.CreateDate} />,
    },
    {
      id: 'document',
      header: 'Document',
      width: 560,
      text: () => undefined,
      cell: version => <VersionDocument arn={arn} version={version.VersionId ?? ''} />,
    },
  ];
  return (
    <>
      <LiveTable
        title="Versions"
        level="h2"
        description="At most five are kept. The default one counts."
        live={live}
        columns={columns}
        order="-created"
        rowId={version => version.VersionId ?? ''}
        selection="single"
        empty={{ text: 'No versions.' }}
        actions={([selected]) => {
          const disabled = !own || !selected || selected.IsDefaultVersion;
          const choose = (what: 'default' | 'delete') => setOpen({ what, version: selected?.VersionId ?? '' });
          return (
            <>
              <Button disabled={disabled} onClick={() => choose('delete')}>
                Delete
              </Button>
              <Button disabled={disabled} onClick={() => choose('default')}>
                Set as default
              </Button>
            </>
          );
        }}
      />
      {open && (
        <Dialog
          title={open.what === 'default' ? `Set ${open.version} as the default?` : `Delete ${open.version}?`}
          action={open.what === 'default' ? 'Set as default' : 'Delete'}
          onClose={() => {
            setOpen(undefined);
            void live.refresh();
          }}
          onAction={async () => {
            const named = { PolicyArn: arn, VersionId: open.version };
            if (open.what === 'default') await iam().send(new SetDefaultPolicyVersionCommand(named));
            else await iam().send(new DeletePolicyVersionCommand(named));
            success(open.what === 'default' ? `${open.version} counts from now on.` : `${open.version} is deleted.`);
            await onChanged();
          }}
        >
          <Box>{open.what === 'default' ? 'All that the policy is attached to may from now on what this version says.' : 'It cannot be had back.'}</Box>
          <CliCommand
            command={cli(open.what === 'default' ? 'iam set-default-policy-version' : 'iam delete-policy-version', {
              'policy-arn': arn,
              'version-id': open.version,
            })}
          />
        </Dialog>
      )}
    </>
  );
}

function VersionDocument({ arn, version }: { arn: string; version: string }) {
  const [open, setOpen] = useState(false);
  return (
    <ExpandableSection headerText="Show" headerAriaLabel={`Show the document of ${version}`} expanded={open} onChange={({ detail }) => setOpen(detail.expanded)}>
      {open && <LoadedDocument arn={arn} version={version} />}
    </ExpandableSection>
  );
}

function LoadedDocument({ arn, version }: { arn: string; version: string }) {
  const live = useLive(() => policyDocument(arn, version), [arn, version], { every: () => false });
  return <Loaded live={live}>{document => <JsonView value={document} name={version} />}</Loaded>;
}

const entityColumns: Column<Entity>[] = [
  {
    id: 'name',
    header: 'Name',
    width: 300,
    text: entity => entity.name,
    cell: entity => <To path={{ Role: paths.role, User: paths.user, Group: paths.group }[entity.kind](entity.name)}>{entity.name}</To>,
  },
  { id: 'kind', header: 'Kind', text: entity => entity.kind },
];

function Entities({ arn }: { arn: string }) {
  const live = useLive(() => entities(arn), [arn], { every: 5_000 });
  return (
    <LiveTable
      title="Attached to"
      level="h2"
      live={live}
      columns={entityColumns}
      order="name"
      rowId={entity => `${entity.kind} ${entity.name}`}
      empty={{
        text: 'Attached to nothing, so it allows nothing yet.',
        action: <To path={paths.createRole(arn)}>Create a role with it</To>,
      }}
    />
  );
}
