// One user: what it may do, its access keys, its groups, what it did.
import { ListGroupsForUserCommand, TagUserCommand, UntagUserCommand, type Group, type User } from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router-dom';

import { all } from '../../aws/all';
import { paths } from '../../aws/arn';
import { iam } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { Loaded } from '../../components/Loaded';
import { LiveTable, type Column } from '../../components/LiveTable';
import { TagsPanel } from '../../components/Tags';
import { Time } from '../../components/Time';
import { ArnLink, To } from '../../components/To';
import { Page } from '../../frame/page';
import { useTab } from '../../frame/useTab';
import { EventsTable } from '../audit/EventsTable';
import { AccessKeys } from './AccessKeys';
import { tagsOf, user as ask } from './data';
import { PoliciesPanel } from './PoliciesPanel';
import { Simulator } from './Simulator';
import { DeleteUser } from './UsersPage';

export function UserPage() {
  const { user: name = '' } = useParams();
  const live = useLive(() => ask(name), [name]);
  const tab = useTab('permissions');
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  return (
    <Page title={name} crumbs={[{ text: 'Users', path: paths.users() }, { text: name }]} actions={<Button onClick={() => setDeleting(true)}>Delete</Button>}>
      <Loaded live={live}>
        {user => [
          <Details key="details" of={user} />,
          <Tabs
            key="tabs"
            {...tab}
            tabs={[
              {
                id: 'permissions',
                label: 'Permissions',
                content: (
                  <SpaceBetween size="l">
                    <PoliciesPanel owner={{ kind: 'user', name }} />
                    <Simulator principal={user.Arn ?? ''} owner={{ kind: 'user', name }} />
                  </SpaceBetween>
                ),
              },
              { id: 'keys', label: 'Access keys', content: <AccessKeys user={name} /> },
              { id: 'groups', label: 'Groups', content: <Groups user={name} /> },
              {
                id: 'calls',
                label: 'What it did',
                content: <EventsTable title="Calls" level="h2" fixed={{ caller: user.Arn }} empty={{ text: 'This user has called nothing yet, as far as the audit goes back.' }} />,
              },
              {
                id: 'tags',
                label: 'Tags',
                content: (
                  <TagsPanel
                    tags={tagsOf(user.Tags)}
                    onSave={async (changed, TagKeys) => {
                      const Tags = changed.map(({ key, value }) => ({ Key: key, Value: value }));
                      if (TagKeys.length) await iam().send(new UntagUserCommand({ UserName: name, TagKeys }));
                      if (Tags.length) await iam().send(new TagUserCommand({ UserName: name, Tags }));
                      await live.refresh();
                    }}
                  />
                ),
              },
            ]}
          />,
        ]}
      </Loaded>
      {deleting && <DeleteUser name={name} onClose={() => setDeleting(false)} onDeleted={() => void navigate(paths.users())} />}
    </Page>
  );
}

function Details({ of }: { of: User }) {
  return (
    <Container header={<Header variant="h2">User details</Header>}>
      <KeyValuePairs
        columns={3}
        minColumnWidth={230}
        items={[
          { label: 'ARN', value: <Copy text={of.Arn ?? ''} label="ARN" shown /> },
          { label: 'Created', value: <Time value={of.CreateDate} /> },
          {
            label: 'Permissions boundary',
            value: of.PermissionsBoundary?.PermissionsBoundaryArn ? <ArnLink arn={of.PermissionsBoundary.PermissionsBoundaryArn} /> : '-',
          },
        ]}
      />
    </Container>
  );
}

const columns: Column<Group>[] = [
  { id: 'name', header: 'Group', width: 260, text: group => group.GroupName, cell: group => <To path={paths.group(group.GroupName ?? '')}>{group.GroupName}</To> },
];

function Groups({ user }: { user: string }) {
  const live = useLive(() => groupsOf(user), [user], { every: 5_000 });
  return (
    <LiveTable
      title="Groups"
      level="h2"
      live={live}
      columns={columns}
      order="name"
      rowId={group => group.GroupName ?? ''}
      empty={{ text: 'In no group. Add the user on the page of a group.', action: <To path={paths.groups()}>Groups</To> }}
    />
  );
}

function groupsOf(UserName: string): Promise<Group[]> {
  return all(async Marker => {
    const page = await iam().send(new ListGroupsForUserCommand({ UserName, Marker }));
    return { items: page.Groups, next: page.Marker };
  });
}
