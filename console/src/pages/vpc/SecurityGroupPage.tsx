// One security group: what may come in and go out, and whose interfaces are in it.
import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  type SecurityGroupRule,
} from '@aws-sdk/client-ec2';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Select from '@cloudscape-design/components/select';
import Tabs from '@cloudscape-design/components/tabs';
import { useMemo, useState } from 'react';
import { useNavigate, useParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli } from '../../aws/cli';
import { ec2 } from '../../aws/clients';
import { useLive, type Live } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { Dialog } from '../../components/Dialog';
import { Loaded } from '../../components/Loaded';
import { LiveTable, type Column } from '../../components/LiveTable';
import { To } from '../../components/To';
import { useNotifications } from '../../frame/notifications';
import { Page } from '../../frame/page';
import { useTab } from '../../frame/useTab';
import { networkInterfaces, securityGroup, securityGroupRules } from './data';
import { hasPorts, peerOf, permissionOf, portRangeOf, protocolOf, ruleProblems, type RuleDraft } from './rule';
import { DeleteGroup } from './SecurityGroupsPage';
import { InterfaceList } from './tables';

type Direction = 'in' | 'out';

export function SecurityGroupPage() {
  const { group: id = '' } = useParams();
  const live = useLive(() => securityGroup(id), [id], { every: 10_000 });
  const rules = useLive(() => securityGroupRules(id), [id]);
  const tab = useTab('in');
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const group = live.data;
  return (
    <Page
      title={group?.GroupName ?? id}
      crumbs={[{ text: 'Security groups', path: paths.securityGroups() }, { text: id }]}
      actions={
        <Button disabled={!group || group.GroupName === 'default'} disabledReason="The default group of a VPC stays." onClick={() => setDeleting(true)}>
          Delete
        </Button>
      }
    >
      <Loaded live={live}>
        {group => [
          <Container key="details" header={<Header variant="h2">Security group details</Header>}>
            <KeyValuePairs
              columns={4}
              items={[
                { label: 'Name', value: group.GroupName ?? '-' },
                { label: 'Id', value: <Copy text={id} label="security group id" shown /> },
                { label: 'VPC', value: <To path={paths.vpc(group.VpcId ?? '')}>{group.VpcId}</To> },
                { label: 'Description', value: group.Description || '-' },
              ]}
            />
          </Container>,
          <Tabs
            key="tabs"
            {...tab}
            tabs={[
              { id: 'in', label: 'Inbound rules', content: <Rules group={id} direction="in" live={rules} /> },
              { id: 'out', label: 'Outbound rules', content: <Rules group={id} direction="out" live={rules} /> },
              { id: 'interfaces', label: 'Network interfaces', content: <Interfaces group={id} /> },
            ]}
          />,
        ]}
      </Loaded>
      {deleting && group && <DeleteGroup of={group} onClose={() => setDeleting(false)} onDeleted={() => void navigate(paths.securityGroups())} />}
    </Page>
  );
}

function Interfaces({ group }: { group: string }) {
  return <InterfaceList level="h2" live={useLive(() => networkInterfaces({ name: 'group-id', value: group }), [group])} />;
}

const WORDS = {
  in: {
    title: 'Inbound rules',
    peer: 'Source',
    action: 'Add inbound rule',
    command: 'ingress',
    empty: 'No inbound rules: nobody can reach what is in the group. Add one for each port that others may use.',
  },
  out: {
    title: 'Outbound rules',
    peer: 'Destination',
    action: 'Add outbound rule',
    command: 'egress',
    empty: 'No outbound rules: what is in the group reaches nobody, no registry either.',
  },
};

function Rules({ group, direction, live }: { group: string; direction: Direction; live: Live<SecurityGroupRule[]> }) {
  const words = WORDS[direction];
  const data = useMemo(() => live.data?.filter(({ IsEgress }) => IsEgress === (direction === 'out')), [live.data, direction]);
  const [open, setOpen] = useState<'add' | SecurityGroupRule>();
  const close = () => {
    setOpen(undefined);
    void live.refresh();
  };
  const columns: Column<SecurityGroupRule>[] = [
    { id: 'protocol', header: 'Protocol', width: 120, text: protocolOf },
    { id: 'ports', header: 'Ports', width: 120, text: portRangeOf },
    {
      id: 'peer',
      header: words.peer,
      width: 240,
      text: peerOf,
      cell: rule => (rule.ReferencedGroupInfo ? <To path={paths.securityGroup(peerOf(rule))}>{peerOf(rule)}</To> : peerOf(rule)),
    },
    { id: 'description', header: 'Description', width: 260, text: rule => rule.Description },
    { id: 'id', header: 'Rule id', width: 250, text: rule => rule.SecurityGroupRuleId, cell: rule => <Copy text={rule.SecurityGroupRuleId ?? ''} label="rule id" shown /> },
  ];
  const add = <Button onClick={() => setOpen('add')}>{words.action}</Button>;
  return (
    <>
      <LiveTable
        title={words.title}
        level="h2"
        live={{ ...live, data }}
        columns={columns}
        order="ports"
        rowId={rule => rule.SecurityGroupRuleId ?? ''}
        selection="single"
        empty={{ text: words.empty, action: add }}
        actions={([selected]) => (
          <>
            <Button disabled={!selected} onClick={() => setOpen(selected)}>
              Remove
            </Button>
            {add}
          </>
        )}
      />
      {open === 'add' && <AddRule group={group} direction={direction} onClose={close} />}
      {open && open !== 'add' && <RemoveRule group={group} direction={direction} rule={open} onClose={close} />}
    </>
  );
}

const PROTOCOLS = [
  { value: 'tcp', label: 'TCP' },
  { value: 'udp', label: 'UDP' },
  { value: 'icmp', label: 'ICMP' },
  { value: '-1', label: 'All' },
];

function AddRule({ group, direction, onClose }: { group: string; direction: Direction; onClose: () => void }) {
  const words = WORDS[direction];
  const [draft, setDraft] = useState<RuleDraft>({ protocol: 'tcp', ports: '', peer: '', description: '' });
  const change = (part: Partial<RuleDraft>) => setDraft(before => ({ ...before, ...part }));
  const problems = ruleProblems(draft);
  const { success } = useNotifications();
  const permission = permissionOf(draft);
  return (
    <Dialog
      title={words.action}
      action="Add"
      disabled={problems.ports !== undefined || problems.peer !== undefined}
      onClose={onClose}
      onAction={async () => {
        const input = { GroupId: group, IpPermissions: [permission] };
        if (direction === 'in') await ec2().send(new AuthorizeSecurityGroupIngressCommand(input));
        else await ec2().send(new AuthorizeSecurityGroupEgressCommand(input));
        success('The rule is added, and counts at once.');
      }}
    >
      <FormField label="Protocol">
        <Select
          selectedOption={PROTOCOLS.find(({ value }) => value === draft.protocol) ?? null}
          options={PROTOCOLS}
          onChange={({ detail }) => change({ protocol: detail.selectedOption.value ?? 'tcp' })}
        />
      </FormField>
      {hasPorts(draft.protocol) && (
        <FormField label="Ports" errorText={draft.ports ? problems.ports : undefined} constraintText="A port, or a range such as 8000-8100.">
          <Input value={draft.ports} placeholder="80" autoComplete={false} onChange={({ detail }) => change({ ports: detail.value })} />
        </FormField>
      )}
      <FormField
        label={words.peer}
        errorText={draft.peer ? problems.peer : undefined}
        constraintText="A range, or the id of a security group."
        secondaryControl={<Button onClick={() => change({ peer: '0.0.0.0/0' })}>Everybody</Button>}
      >
        <Input value={draft.peer} placeholder="203.0.113.0/24" autoComplete={false} onChange={({ detail }) => change({ peer: detail.value.trim() })} />
      </FormField>
      <FormField label={<span>Description <i>- optional</i></span>}>
        <Input value={draft.description} onChange={({ detail }) => change({ description: detail.value })} />
      </FormField>
      <CliCommand command={cli(`ec2 authorize-security-group-${words.command}`, { 'group-id': group, 'ip-permissions': [permission] })} />
    </Dialog>
  );
}

function RemoveRule({ group, direction, rule, onClose }: { group: string; direction: Direction; rule: SecurityGroupRule; onClose: () => void }) {
  const id = rule.SecurityGroupRuleId ?? '';
  const { success } = useNotifications();
  return (
    <Dialog
      title="Remove the rule?"
      action="Remove"
      onClose={onClose}
      onAction={async () => {
        const input = { GroupId: group, SecurityGroupRuleIds: [id] };
        if (direction === 'in') await ec2().send(new RevokeSecurityGroupIngressCommand(input));
        else await ec2().send(new RevokeSecurityGroupEgressCommand(input));
        success('The rule is removed.');
      }}
    >
      <Box>
        {protocolOf(rule)} {portRangeOf(rule)}, {peerOf(rule)}: it counts for running tasks at once.
      </Box>
      <CliCommand command={cli(`ec2 revoke-security-group-${WORDS[direction].command}`, { 'group-id': group, 'security-group-rule-ids': [id] })} />
    </Dialog>
  );
}
