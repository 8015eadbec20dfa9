// The security groups, and making a new one.
import { CreateSecurityGroupCommand, DeleteSecurityGroupCommand, type SecurityGroup } from '@aws-sdk/client-ec2';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import { useState } from 'react';
import { useNavigate } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli } from '../../aws/cli';
import { ec2 } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Dialog } from '../../components/Dialog';
import { useNotifications } from '../../frame/notifications';
import { BarePage } from '../../frame/page';
import { nameTag, securityGroups, vpcs } from './data';
import { SecurityGroupList } from './tables';

export function SecurityGroupsPage() {
  const live = useLive(() => securityGroups(), [], { every: 5_000 });
  const [open, setOpen] = useState<'create' | SecurityGroup>();
  const navigate = useNavigate();
  const close = () => {
    setOpen(undefined);
    void live.refresh();
  };
  return (
    <BarePage title="Security groups" crumbs={[{ text: 'Security groups' }]}>
      <SecurityGroupList
        live={live}
        actions={([selected]) => (
          <>
            <Button disabled={!selected || selected.GroupName === 'default'} onClick={() => setOpen(selected)}>
              Delete
            </Button>
            <Button variant="primary" onClick={() => setOpen('create')}>
              Create security group
            </Button>
          </>
        )}
      />
      {open === 'create' && <CreateGroup onClose={close} onCreated={id => void navigate(paths.securityGroup(id))} />}
      {open && open !== 'create' && <DeleteGroup of={open} onClose={close} />}
    </BarePage>
  );
}

function CreateGroup({ onClose, onCreated }: { onClose: () => void; onCreated: (id: string) => void }) {
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [chosen, setChosen] = useState<string>();
  const live = useLive(vpcs, [], { every: 15_000 });
  const vpc = chosen ?? live.data?.find(({ IsDefault }) => IsDefault)?.VpcId;
  const options = (live.data ?? []).map(({ VpcId, CidrBlock, Tags }) => ({ value: VpcId, label: nameTag(Tags) ?? VpcId, description: `${VpcId} ${CidrBlock}` }));
  const { success } = useNotifications();
  return (
    <Dialog
      title="Create security group"
      action="Create"
      disabled={!name || !description || !vpc}
      onClose={onClose}
      onAction={async () => {
        const { GroupId } = await ec2().send(new CreateSecurityGroupCommand({ GroupName: name, Description: description, VpcId: vpc }));
        success(<>The security group {name} is there. Add the rules that let traffic in.</>);
        onCreated(GroupId ?? '');
      }}
    >
      <FormField label="Name" constraintText="Up to 255 characters; it may not begin with sg-.">
        <Input value={name} autoFocus autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
      </FormField>
      <FormField label="Description" constraintText="It cannot be changed later.">
        <Input value={description} onChange={({ detail }) => setDescription(detail.value)} />
      </FormField>
      <FormField label="VPC">
        <Select
          selectedOption={options.find(({ value }) => value === vpc) ?? null}
          options={options}
          placeholder="Choose a VPC"
          empty="No VPCs."
          statusType={live.loading ? 'loading' : 'finished'}
          onChange={({ detail }) => setChosen(detail.selectedOption.value)}
        />
      </FormField>
      <CliCommand
        command={cli('ec2 create-security-group', { 'group-name': name, description, 'vpc-id': vpc })}
        terraform={`resource "aws_security_group" "this" {\n  name        = ${JSON.stringify(name)}\n  description = ${JSON.stringify(description)}\n  vpc_id      = ${JSON.stringify(vpc ?? '')}\n}`}
      />
    </Dialog>
  );
}

export function DeleteGroup({ of, onClose, onDeleted }: { of: SecurityGroup; onClose: () => void; onDeleted?: () => void }) {
  const { success } = useNotifications();
  return (
    <Dialog
      title={`Delete the security group ${of.GroupName}?`}
      action="Delete"
      onClose={onClose}
      onAction={async () => {
        await ec2().send(new DeleteSecurityGroupCommand({ GroupId: of.GroupId }));
        success(<>The security group {of.GroupName} is deleted.</>);
        onDeleted?.();
      }}
    >
      <Box>No task and no other group may be using it.</Box>
      <CliCommand command={cli('ec2 delete-security-group', { 'group-id': of.GroupId })} />
    </Dialog>
  );
}
