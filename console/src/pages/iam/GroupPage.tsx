// One group: its users, and the policies they have by it.
import { AddUserToGroupCommand, DeleteGroupCommand, GetGroupCommand, RemoveUserFromGroupCommand, type User } from '@aws-sdk/client-iam';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router-dom';

import { all } from '../../aws/all';
import { paths } from '../../aws/arn';
import { cli } from '../../aws/cli';
import { iam } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Dialog } from '../../components/Dialog';
import { LiveTable, type Column } from '../../components/LiveTable';
import { To } from '../../components/To';
import { useNotifications } from '../../frame/notifications';
import { Page } from '../../frame/page';
import { users } from './data';
import { removePolicies } from './owners';
import { PoliciesPanel } from './PoliciesPanel';

const columns: Column<User>[] = [
  { id: 'name', header: 'User', width: 260, text: user => user.UserName, cell: user => <To path={paths.user(user.UserName ?? '')}>{user.UserName}</To> },
];

export function GroupPage() {
  const { group: name = '' } = useParams();
  const live = useLive(() => members(name), [name]);
  const [open, setOpen] = useState<'delete' | 'add' | User>();
  const { success } = useNotifications();
  const navigate = useNavigate();
  const close = () => {
    setOpen(undefined);
    void live.refresh();
  };
  const owner = { kind: 'group' as const, name };
  return (
    <Page title={name} crumbs={[{ text: 'Groups', path: paths.groups() }, { text: name }]} actions={<Button onClick={() => setOpen('delete')}>Delete</Button>}>
      <SpaceBetween size="l">
        <LiveTable
          title="Users"
          level="h2"
          live={live}
          columns={columns}
          order="name"
          rowId={user => user.UserName ?? ''}
          selection="single"
          empty={{ text: 'Nobody is in the group yet.', action: <Button onClick={() => setOpen('add')}>Add user</Button> }}
          actions={([selected]) => (
            <>
              <Button disabled={!selected} onClick={() => setOpen(selected)}>
                Remove
              </Button>
              <Button onClick={() => setOpen('add')}>Add user</Button>
            </>
          )}
        />
        <PoliciesPanel owner={owner} />
      </SpaceBetween>
      {open === 'add' && <AddUser group={name} there={live.data ?? []} onClose={close} />}
      {open === 'delete' && (
        <Dialog
          title={`Delete the group ${name}?`}
          action="Delete"
          onClose={() => setOpen(undefined)}
          onAction={async () => {
            for (const { UserName } of await members(name)) await iam().send(new RemoveUserFromGroupCommand({ GroupName: name, UserName }));
            await removePolicies(owner);
            await iam().send(new DeleteGroupCommand({ GroupName: name }));
            success(<>The group {name} is deleted.</>);
            void navigate(paths.groups());
          }}
        >
          <Box>Its users stay, without what only the group allowed them.</Box>
          <CliCommand command={cli('iam delete-group', { 'group-name': name })} note="Its users and policies must be taken away first." />
        </Dialog>
      )}
      {open && typeof open === 'object' && (
        <Dialog
          title={`Remove ${open.UserName} from the group?`}
          action="Remove"
          onClose={close}
          onAction={async () => {
            await iam().send(new RemoveUserFromGroupCommand({ GroupName: name, UserName: open.UserName }));
            success(<>{open.UserName} is not in the group any more.</>);
          }}
        >
          <Box>The user stays, without what only the group allowed.</Box>
          <CliCommand command={cli('iam remove-user-from-group', { 'group-name': name, 'user-name': open.UserName })} />
        </Dialog>
      )}
    </Page>
  );
}

function AddUser({ group, there, onClose }: { group: string; there: User[]; onClose: () => void }) {
  const live = useLive(users, [], { every: 10_000 });
  const [name, setName] = useState<string>();
  const { success } = useNotifications();
  const options = (live.data ?? []).filter(user => !there.some(({ UserName }) => UserName === user.UserName)).map(({ UserName }) => ({ value: UserName, label: UserName }));
  return (
    <Dialog
      title={`Add a user to ${group}`}
      action="Add"
      disabled={!name}
      onClose={onClose}
      onAction={async () => {
        await iam().send(new AddUserToGroupCommand({ GroupName: group, UserName: name }));
        success(<>{name} is in the group.</>);
      }}
    >
      <FormField label="User">
        <Select
          selectedOption={name ? { value: name, label: name } : null}
          options={options}
          filteringType="auto"
          placeholder="Choose a user"
          empty="No other users."
          onChange={({ detail }) => setName(detail.selectedOption.value)}
        />
      </FormField>
      <CliCommand command={cli('iam add-user-to-group', { 'group-name': group, 'user-name': name })} />
    </Dialog>
  );
}

function members(GroupName: string): Promise<User[]> {
  return all(async Marker => {
    const page = await iam().send(new GetGroupCommand({ GroupName, Marker }));
    return { items: page.Users, next: page.Marker };
  });
}
