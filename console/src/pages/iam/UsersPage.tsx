// The users.
import {
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteUserCommand,
  ListGroupsForUserCommand,
  RemoveUserFromGroupCommand,
  type User,
} from '@aws-sdk/client-iam';
import Box from '@cloudscape-design/components/box';
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
import { accessKeys, users } from './data';
import { removePolicies } from './owners';

const columns: Column<User>[] = [
  {
    id: 'name',
    header: 'User',
    width: 260,
    text: user => user.UserName,
    cell: user => <To path={paths.user(user.UserName ?? '')}>{user.UserName}</To>,
  },
  {
    id: 'created',
    header: 'Created',
    text: user => user.CreateDate?.getTime(),
    cell: user => <Time value={user.CreateDate} />,
  },
  { id: 'arn', header: 'ARN', width: 440, text: user => user.Arn, cell: user => <Copy text={user.Arn ?? ''} label="ARN" shown /> },
];

export function UsersPage() {
  const live = useLive(users, [], { every: 5_000 });
  const [dialog, setDialog] = useState<'create' | User>();
  const navigate = useNavigate();
  const close = () => {
    setDialog(undefined);
    void live.refresh();
  };
  const create = (
    <Button variant="primary" onClick={() => setDialog('create')}>
      Create user
    </Button>
  );
  return (
    <BarePage title="Users" crumbs={[{ text: 'Users' }]}>
      <LiveTable
        title="Users"
        live={live}
        columns={columns}
        order="name"
        rowId={user => user.Arn ?? ''}
        selection="single"
        empty={{ text: 'No users yet. Give each person and each program one, with no more rights than it needs.', action: create }}
        actions={([selected]) => (
          <>
            <Button disabled={!selected} onClick={() => setDialog(selected)}>
              Delete
            </Button>
            {create}
          </>
        )}
      />
      {dialog === 'create' && <CreateUser onClose={close} onCreated={name => void navigate(paths.user(name))} />}
      {dialog && dialog !== 'create' && <DeleteUser name={dialog.UserName ?? ''} onClose={close} />}
    </BarePage>
  );
}

function CreateUser({ onClose, onCreated }: { onClose: () => void; onCreated: (name: string) => void }) {
  const [name, setName] = useState('');
  const { success } = useNotifications();
  return (
    <Dialog
      title="Create user"
      action="Create"
      disabled={!name}
      onClose={onClose}
      onAction={async () => {
        await iam().send(new CreateUserCommand({ UserName: name }));
        success(<>The user {name} is there. Attach policies, then create an access key.</>);
        onCreated(name);
      }}
    >
      <FormField label="User name" constraintText="1 to 64 letters, digits and the characters +=,.@-_">
        <Input value={name} autoFocus autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
      </FormField>
      <CliCommand command={cli('iam create-user', { 'user-name': name })} terraform={`resource "aws_iam_user" "this" {\n  name = ${JSON.stringify(name)}\n}`} />
    </Dialog>
  );
}

export function DeleteUser({ name, onClose, onDeleted }: { name: string; onClose: () => void; onDeleted?: () => void }) {
  const { success } = useNotifications();
  return (
    <Dialog title={`Delete the user ${name}?`} action="Delete" onClose={onClose} onAction={async () => {
      await deleteUser(name);
      success(<>The user {name} is deleted.</>);
      onDeleted?.();
    }}>
      <Box>Its access keys stop working at once; its policies are detached.</Box>
      <CliCommand command={cli('iam delete-user', { 'user-name': name })} note="Its keys, policies and groups must be taken away first." />
    </Dialog>
  );
}

async function deleteUser(UserName: string): Promise<void> {
  for (const { AccessKeyId } of await accessKeys(UserName)) await iam().send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
  await removePolicies({ kind: 'user', name: UserName });
  const { Groups } = await iam().send(new ListGroupsForUserCommand({ UserName }));
  for (const { GroupName } of Groups ?? []) await iam().send(new RemoveUserFromGroupCommand({ UserName, GroupName }));
  await iam().send(new DeleteUserCommand({ UserName }));
}
