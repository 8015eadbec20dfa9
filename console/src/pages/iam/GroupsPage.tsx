// The groups: users who have the same rights.
import { CreateGroupCommand, type Group } from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { useState } from 'react';
import { useNavigate } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli } from '../../aws/cli';
import { iam } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { Dialog } from '../../components/Dialog';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Time } from '../../components/Time';
import { To } from '../../components/To';
import { useNotifications } from '../../frame/notifications';
import { BarePage } from '../../frame/page';
import { groups } from './data';

const columns: Column<Group>[] = [
  {
    id: 'name',
    header: 'Group',
    width: 260,
    text: group => group.GroupName,
    cell: group => <To path={paths.group(group.GroupName ?? '')}>{group.GroupName}</To>,
  },
  { id: 'created', header: 'Created', text: group => group.CreateDate?.getTime(), cell: group => <Time value={group.CreateDate} /> },
  { id: 'arn', header: 'ARN', width: 440, text: group => group.Arn, cell: group => <Copy text={group.Arn ?? ''} label="ARN" shown /> },
];

export function GroupsPage() {
  const live = useLive(groups, [], { every: 5_000 });
  const [open, setOpen] = useState(false);
  const create = (
    <Button variant="primary" onClick={() => setOpen(true)}>
      Create group
    </Button>
  );
  return (
    <BarePage title="Groups" crumbs={[{ text: 'Groups' }]}>
      <LiveTable
        title="Groups"
        live={live}
        columns={columns}
        order="name"
        rowId={group => group.Arn ?? ''}
        empty={{ text: 'No groups yet. The users of a group have its policies.', action: create }}
        actions={() => create}
      />
      {open && <CreateGroup onClose={() => setOpen(false)} />}
    </BarePage>
  );
}

function CreateGroup({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const { success } = useNotifications();
  const navigate = useNavigate();
  return (
    <Dialog
      title="Create group"
      action="Create"
      disabled={!name}
      onClose={onClose}
      onAction={async () => {
        await iam().send(new CreateGroupCommand({ GroupName: name }));
        success(<>The group {name} is there.</>);
        void navigate(paths.group(name));
      }}
    >
      <FormField label="Group name" constraintText="1 to 128 letters, digits and the characters +=,.@-_">
        <Input value={name} autoFocus autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
      </FormField>
      <CliCommand command={cli('iam create-group', { 'group-name': name })} terraform={`resource "aws_iam_group" "this" {\n  name = ${JSON.stringify(name)}\n}`} />
    </Dialog>
  );
}
