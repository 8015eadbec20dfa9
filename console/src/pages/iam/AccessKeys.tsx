// The access keys of a user. The secret half is shown once, when it is made, and never again.
import { CreateAccessKeyCommand, DeleteAccessKeyCommand, UpdateAccessKeyCommand, type AccessKeyMetadata } from '@aws-sdk/client-iam';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';

import { cli } from '../../aws/cli';
import { iam } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { Dialog } from '../../components/Dialog';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Time } from '../../components/Time';
import { useNotifications } from '../../frame/notifications';
import { accessKeys } from './data';

const columns: Column<AccessKeyMetadata>[] = [
  { id: 'id', header: 'Access key id', width: 260, text: key => key.AccessKeyId, cell: key => <Copy text={key.AccessKeyId ?? ''} label="access key id" shown /> },
  {
    id: 'status',
    header: 'Status',
    text: key => key.Status,
    cell: key => <StatusIndicator type={key.Status === 'Active' ? 'success' : 'stopped'}>{key.Status}</StatusIndicator>,
  },
  { id: 'created', header: 'Created', text: key => key.CreateDate?.getTime(), cell: key => <Time value={key.CreateDate} /> },
];

type Made = { id: string; secret: string };

export function AccessKeys({ user }: { user: string }) {
  const live = useLive(() => accessKeys(user), [user]);
  const [made, setMade] = useState<Made>();
  const [open, setOpen] = useState<'create' | { what: 'delete' | 'change'; key: AccessKeyMetadata }>();
  const { success } = useNotifications();
  const close = () => {
    setOpen(undefined);
    void live.refresh();
  };
  const create = <Button onClick={() => setOpen('create')}>Create access key</Button>;
  const key = open && open !== 'create' ? open.key : undefined;
  const next = key?.Status === 'Active' ? 'Inactive' : 'Active';
  return (
    <>
      <LiveTable
        title="Access keys"
        level="h2"
        live={live}
        columns={columns}
        order="-created"
        rowId={key => key.AccessKeyId ?? ''}
        selection="single"
        empty={{ text: 'No access keys: this user cannot sign anything. At most two can be there.', action: create }}
        actions={([selected]) => (
          <>
            <Button disabled={!selected} onClick={() => selected && setOpen({ what: 'delete', key: selected })}>
              Delete
            </Button>
            <Button disabled={!selected} onClick={() => selected && setOpen({ what: 'change', key: selected })}>
              {selected?.Status === 'Inactive' ? 'Activate' : 'Deactivate'}
            </Button>
            {create}
          </>
        )}
      />
      {open === 'create' && (
        <Dialog
          title={`Create an access key for ${user}?`}
          action="Create"
          onClose={close}
          onAction={async () => {
            const { AccessKey } = await iam().send(new CreateAccessKeyCommand({ UserName: user }));
            setMade({ id: AccessKey?.AccessKeyId ?? '', secret: AccessKey?.SecretAccessKey ?? '' });
          }}
        >
          <Box>Whoever has both halves of it is {user}. The secret half is shown once.</Box>
          <CliCommand command={cli('iam create-access-key', { 'user-name': user })} />
        </Dialog>
      )}
      {key && open !== 'create' && (
        <Dialog
          title={open?.what === 'delete' ? `Delete ${key.AccessKeyId}?` : `Make ${key.AccessKeyId} ${next}?`}
          action={open?.what === 'delete' ? 'Delete' : next === 'Active' ? 'Activate' : 'Deactivate'}
          onClose={close}
          onAction={async () => {
            const named = { UserName: user, AccessKeyId: key.AccessKeyId };
            if (open?.what === 'delete') await iam().send(new DeleteAccessKeyCommand(named));
            else await iam().send(new UpdateAccessKeyCommand({ ...named, Status: next }));
            success(open?.what === 'delete' ? 'The access key is deleted.' : `The access key is ${next}.`);
          }}
        >
          <Box>{next === 'Active' && open?.what !== 'delete' ? 'It works again at once.' : 'What signs with it is refused at once.'}</Box>
          <CliCommand
            command={cli(open?.what === 'delete' ? 'iam delete-access-key' : 'iam update-access-key', {
              'user-name': user,
              'access-key-id': key.AccessKeyId,
              status: open?.what === 'delete' ? undefined : next,
            })}
          />
        </Dialog>
      )}
      {made && <MadeKey made={made} user={user} onClose={() => setMade(undefined)} />}
    </>
  );
}

function MadeKey({ made, user, onClose }: { made: Made; user: string; onClose: () => void }) {
  return (
    <Modal
      visible
      header={`The access key of ${user}`}
      closeAriaLabel="Close"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={onClose}>
            I have kept it
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Alert type="warning">The secret access key is shown only now. If it is lost, delete the key and create another.</Alert>
        <KeyValuePairs
          items={[
            { label: 'Access key id', value: <Copy text={made.id} label="access key id" shown /> },
            { label: 'Secret access key', value: <Copy text={made.secret} label="secret access key" shown /> },
          ]}
        />
      </SpaceBetween>
    </Modal>
  );
}
