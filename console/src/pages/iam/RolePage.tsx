// One role: who may be it, what it may do, and a box to ask whether it may do something.
import { TagRoleCommand, UntagRoleCommand, UpdateAssumeRolePolicyCommand, type Role } from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli, file } from '../../aws/cli';
import { iam } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { Loaded } from '../../components/Loaded';
import { PolicyPanel } from '../../components/PolicyPanel';
import { TagsPanel } from '../../components/Tags';
import { Time } from '../../components/Time';
import { ArnLink } from '../../components/To';
import { Page } from '../../frame/page';
import { useTab } from '../../frame/useTab';
import { EventsTable } from '../audit/EventsTable';
import { asJson, role as ask, tagsOf } from './data';
import { PoliciesPanel } from './PoliciesPanel';
import { DeleteRole } from './RolesPage';
import { Simulator } from './Simulator';

export function RolePage() {
  const { role: name = '' } = useParams();
  const live = useLive(() => ask(name), [name]);
  const tab = useTab('permissions');
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  return (
    <Page title={name} crumbs={[{ text: 'Roles', path: paths.roles() }, { text: name }]} actions={<Button onClick={() => setDeleting(true)}>Delete</Button>}>
      <Loaded live={live}>
        {role => [
          <Details key="details" of={role} />,
          <Tabs
            key="tabs"
            {...tab}
            tabs={[
              {
                id: 'permissions',
                label: 'Permissions',
                content: (
                  <SpaceBetween size="l">
                    <PoliciesPanel owner={{ kind: 'role', name }} />
                    <Simulator principal={role.Arn ?? ''} owner={{ kind: 'role', name }} />
                  </SpaceBetween>
                ),
              },
              {
                id: 'trust',
                label: 'Trust relationships',
                content: (
                  <PolicyPanel
                    title="Trust policy"
                    name="trust-policy"
                    description="Who may be the role. For tasks, that is ecs-tasks.amazonaws.com."
                    document={asJson(role.AssumeRolePolicyDocument)}
                    command={cli('iam update-assume-role-policy', { 'role-name': name, 'policy-document': file('policy.json') })}
                    save={async PolicyDocument => {
                      await iam().send(new UpdateAssumeRolePolicyCommand({ RoleName: name, PolicyDocument }));
                      await live.refresh();
                    }}
                  />
                ),
              },
              {
                id: 'calls',
                label: 'What it did',
                content: (
                  <EventsTable
                    title="Calls"
                    level="h2"
                    fixed={{ caller: role.Arn }}
                    empty={{ text: 'Nobody has called with this role yet, as far as the audit goes back.' }}
                  />
                ),
              },
              {
                id: 'tags',
                label: 'Tags',
                content: (
                  <TagsPanel
                    tags={tagsOf(role.Tags)}
                    onSave={async (changed, TagKeys) => {
                      const Tags = changed.map(({ key, value }) => ({ Key: key, Value: value }));
                      if (TagKeys.length) await iam().send(new UntagRoleCommand({ RoleName: name, TagKeys }));
                      if (Tags.length) await iam().send(new TagRoleCommand({ RoleName: name, Tags }));
                      await live.refresh();
                    }}
                  />
                ),
              },
            ]}
          />,
        ]}
      </Loaded>
      {deleting && <DeleteRole name={name} onClose={() => setDeleting(false)} onDeleted={() => void navigate(paths.roles())} />}
    </Page>
  );
}

function Details({ of }: { of: Role }) {
  return (
    <Container header={<Header variant="h2">Role details</Header>}>
      <KeyValuePairs
        columns={3}
        minColumnWidth={230}
        items={[
          { label: 'ARN', value: <Copy text={of.Arn ?? ''} label="ARN" shown /> },
          { label: 'Created', value: <Time value={of.CreateDate} /> },
          { label: 'Last used', value: <Time value={of.RoleLastUsed?.LastUsedDate} ago /> },
          { label: 'Description', value: <span className="break">{of.Description || '-'}</span> },
          { label: 'Longest session', value: of.MaxSessionDuration ? `${of.MaxSessionDuration / 3600} h` : '-' },
          {
            label: 'Permissions boundary',
            value: of.PermissionsBoundary?.PermissionsBoundaryArn ? <ArnLink arn={of.PermissionsBoundary.PermissionsBoundaryArn} /> : '-',
          },
        ]}
      />
    </Container>
  );
}
