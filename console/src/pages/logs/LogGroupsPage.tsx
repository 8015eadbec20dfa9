// The log groups.
import { CreateLogGroupCommand, DeleteLogGroupCommand, type LogGroup } from '@aws-sdk/client-cloudwatch-logs';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { useState } from 'react';

import { paths } from '../../aws/arn';
import { cli } from '../../aws/cli';
import { logs } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { Dialog } from '../../components/Dialog';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Time } from '../../components/Time';
import { To } from '../../components/To';
import { useNotifications } from '../../frame/notifications';
import { BarePage } from '../../frame/page';
import { logGroups, sizeOf } from './data';

const columns: Column<LogGroup>[] = [
  {
    id: 'name',
    header: 'Log group',
    width: 280,
    text: group => group.logGroupName,
    cell: group => <To path={paths.logGroup(group.logGroupName ?? '')}>{group.logGroupName}</To>,
  },
  { id: 'retention', header: 'Kept for', text: group => group.retentionInDays ?? Infinity, cell: group => (group.retentionInDays ? `${group.retentionInDays} days` : 'ever') },
  { id: 'bytes', header: 'Size', text: group => group.storedBytes ?? 0, cell: group => sizeOf(group.storedBytes) },
  {
    id: 'created',
    header: 'Created',
    text: group => group.creationTime,
    cell: group => <Time value={group.creationTime} />,
  },
  { id: 'arn', header: 'ARN', width: 440, text: group => group.logGroupArn, cell: group => <Copy text={group.logGroupArn ?? ''} label="ARN" shown /> },
];

export function LogGroupsPage() {
  const live = useLive(logGroups, [], { every: 5_000 });
  const [open, setOpen] = useState<'create' | LogGroup>();
  const close = () => {
    setOpen(undefined);
    void live.refresh();
  };
  const create = (
    <Button variant="primary" onClick={() => setOpen('create')}>
      Create log group
    </Button>
  );
  return (
    <BarePage title="Log groups" crumbs={[{ text: 'Log groups' }]}>
      <LiveTable
        title="Log groups"
        live={live}
        columns={columns}
        order="name"
        rowId={group => group.logGroupName ?? ''}
        selection="single"
        empty={{ text: 'No log groups yet. What the containers of a task print goes into one.', action: create }}
        actions={([selected]) => (
          <>
            <Button disabled={!selected} onClick={() => setOpen(selected)}>
              Delete
            </Button>
            {create}
          </>
        )}
      />
      {open === 'create' && <CreateLogGroup onClose={close} />}
      {open && open !== 'create' && <DeleteLogGroup name={open.logGroupName ?? ''} onClose={close} />}
    </BarePage>
  );
}

function CreateLogGroup({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const { success } = useNotifications();
  return (
    <Dialog
      title="Create log group"
      action="Create"
      disabled={!name}
      onClose={onClose}
      onAction={async () => {
        await logs().send(new CreateLogGroupCommand({ logGroupName: name }));
        success(<>The log group {name} is there.</>);
      }}
    >
      <FormField label="Log group name" constraintText="1 to 512 letters, digits and the characters _-/.#">
        <Input value={name} autoFocus autoComplete={false} placeholder="/ecs/web" onChange={({ detail }) => setName(detail.value)} />
      </FormField>
      <CliCommand
        command={cli('logs create-log-group', { 'log-group-name': name })}
        terraform={`resource "aws_cloudwatch_log_group" "this" {\n  name = ${JSON.stringify(name)}\n}`}
      />
    </Dialog>
  );
}

export function DeleteLogGroup({ name, onClose, onDeleted }: { name: string; onClose: () => void; onDeleted?: () => void }) {
  const { success } = useNotifications();
  return (
    <Dialog
      title={`Delete the log group ${name}?`}
      action="Delete"
      onClose={onClose}
      onAction={async () => {
        await logs().send(new DeleteLogGroupCommand({ logGroupName: name }));
        success(<>The log group {name} is deleted.</>);
        onDeleted?.();
      }}
    >
      <Box>All its lines are lost. Tasks that write to it do not start until there is one of this name again.</Box>
      <CliCommand command={cli('logs delete-log-group', { 'log-group-name': name })} />
    </Dialog>
  );
}
