// Running tasks of a task definition in a cluster.
import { RunTaskCommand, type RunTaskCommandInput } from '@aws-sdk/client-ecs';
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Multiselect from '@cloudscape-design/components/multiselect';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Toggle from '@cloudscape-design/components/toggle';
import { useState } from 'react';
import { useNavigate, useParams, useSearchParams } from 'react-router-dom';

import { paths, shortName } from '../../aws/arn';
import { cli } from '../../aws/cli';
import { ecs } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { ErrorAlert } from '../../components/ErrorAlert';
import { To } from '../../components/To';
import { Page } from '../../frame/page';
import { useNotifications } from '../../frame/notifications';
import { definitionArns, network, type Network } from './data';

export function RunTaskPage() {
  const { cluster = '' } = useParams();
  const live = useLive(async () => ({ network: await network(), definitions: await definitionArns() }), [], { every: 15_000 });
  const crumbs = [
    { text: 'Clusters', path: paths.clusters() },
    { text: cluster, path: paths.cluster(cluster) },
    { text: 'Run a task' },
  ];
  return (
    <Page title="Run a task" crumbs={crumbs} description={`In the cluster ${cluster}`}>
      {live.error !== undefined && <ErrorAlert error={live.error} onRetry={() => void live.refresh()} />}
      {live.loading && <Spinner size="large" />}
      {live.data && <RunTask cluster={cluster} network={live.data.network} definitions={live.data.definitions.map(shortName)} />}
    </Page>
  );
}

interface Chosen {
  definition?: string;
  count: string;
  vpc?: string;
  subnets: string[];
  groups: string[];
  publicIp: boolean;
}

function RunTask({ cluster, network, definitions }: { cluster: string; network: Network; definitions: string[] }) {
  const [search] = useSearchParams();
  const [chosen, setChosen] = useState<Chosen>(() => first(network, search.get('definition') ?? definitions[0]));
  const [tried, setTried] = useState(false);
  const [working, setWorking] = useState(false);
  const [error, setError] = useState<unknown>();
  const navigate = useNavigate();
  const { success } = useNotifications();
  const set = (change: Partial<Chosen>) => setChosen({ ...chosen, ...change });
  const missing = tried ? problemsOf(chosen) : {};
  const input = inputOf(cluster, chosen);

  const submit = async () => {
    setTried(true);
    if (Object.keys(problemsOf(chosen)).length > 0) return;
    setWorking(true);
    setError(undefined);
    try {
      const { tasks = [], failures = [] } = await ecs().send(new RunTaskCommand(input));
      const failure = failures[0];
      if (failure) throw Object.assign(new Error(`${failure.reason ?? ''} ${failure.detail ?? failure.arn ?? ''}`), { name: 'Failure' });
      // How far one task is, its page says.
      if (tasks.length > 1) success(`${tasks.length} tasks are on their way.`);
      void navigate(tasks.length === 1 ? paths.task(cluster, shortName(tasks[0]?.taskArn)) : paths.cluster(cluster));
    } catch (refused) {
      setError(refused);
      setWorking(false);
    }
  };

  return (
    <Form
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={() => void navigate(paths.cluster(cluster))}>Cancel</Button>
          <Button variant="primary" loading={working} onClick={() => void submit()}>
            Run
          </Button>
        </SpaceBetween>
      }
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Task</Header>}>
          <ColumnLayout columns={3}>
            <FormField
              label="Task definition"
              errorText={missing.definition}
              secondaryControl={<To path={paths.createTaskDefinition()}>Create one</To>}
            >
              <Select
                filteringType="auto"
                placeholder="Choose a task definition"
                empty="There is no task definition yet."
                selectedOption={chosen.definition ? { value: chosen.definition, label: chosen.definition } : null}
                options={definitions.map(value => ({ value, label: value }))}
                onChange={({ detail }) => set({ definition: detail.selectedOption.value })}
              />
            </FormField>
            <FormField label="Launch type">
              <Select selectedOption={{ value: 'FARGATE', label: 'Fargate' }} options={[{ value: 'FARGATE', label: 'Fargate' }]} />
            </FormField>
            <FormField label="How many" errorText={missing.count}>
              <Input type="number" value={chosen.count} onChange={({ detail }) => set({ count: detail.value })} />
            </FormField>
          </ColumnLayout>
        </Container>
        <NetworkFields network={network} chosen={chosen} missing={missing} set={set} />
        {error !== undefined && <ErrorAlert error={error} header="The task was not run" />}
        <CliCommand command={commandOf(input)} />
      </SpaceBetween>
    </Form>
  );
}

interface NetworkFieldsProps {
  network: Network;
  chosen: Chosen;
  missing: Record<string, string>;
  set: (change: Partial<Chosen>) => void;
}

function NetworkFields({ network, chosen, missing, set }: NetworkFieldsProps) {
  const vpcs = network.vpcs.map(({ VpcId = '', CidrBlock, IsDefault }) => ({
    value: VpcId,
    label: VpcId,
    description: `${CidrBlock}${IsDefault ? ', the default' : ''}`,
  }));
  const subnets = network.subnets
    .filter(({ VpcId }) => VpcId === chosen.vpc)
    .map(({ SubnetId = '', CidrBlock, AvailabilityZone }) => ({ value: SubnetId, label: SubnetId, description: `${CidrBlock}, ${AvailabilityZone}` }));
  const groups = network.groups
    .filter(({ VpcId }) => VpcId === chosen.vpc)
    .map(({ GroupId = '', GroupName, Description }) => ({ value: GroupId, label: GroupName ?? GroupId, description: `${GroupId}: ${Description}` }));
  const open = network.groups.filter(({ GroupId }) => chosen.groups.includes(GroupId ?? '')).some(({ IpPermissions }) => IpPermissions?.some(({ IpRanges }) => IpRanges?.length));
  const pick = (options: { value: string; label: string }[], values: string[]) => options.filter(({ value }) => values.includes(value));
  const valuesOf = (options: readonly { value?: string }[]) => options.flatMap(({ value }) => value ?? []);
  return (
    <Container header={<Header variant="h2">Network</Header>}>
      <SpaceBetween size="l">
        <FormField label="VPC">
          <Select
            selectedOption={vpcs.find(({ value }) => value === chosen.vpc) ?? null}
            options={vpcs}
            onChange={({ detail }) => set(inVpc(network, detail.selectedOption.value))}
          />
        </FormField>
        <FormField label="Subnets" description="The task gets an address in one of them." errorText={missing.subnets}>
          <Multiselect
            selectedOptions={pick(subnets, chosen.subnets)}
            options={subnets}
            placeholder="Choose subnets"
            onChange={({ detail }) => set({ subnets: valuesOf(detail.selectedOptions) })}
          />
        </FormField>
        <FormField
          label="Security groups"
          description="They say who reaches the task. Without one the VPC's default is taken."
          secondaryControl={<To path={paths.securityGroups()}>Security groups</To>}
        >
          <Multiselect
            selectedOptions={pick(groups, chosen.groups)}
            options={groups}
            placeholder="Choose security groups"
            onChange={({ detail }) => set({ groups: valuesOf(detail.selectedOptions) })}
          />
        </FormField>
        <Toggle
          checked={chosen.publicIp}
          description="The task is reachable from outside of its VPC, and reaches the internet: also to pull its image."
          onChange={({ detail }) => set({ publicIp: detail.checked })}
        >
          Public IP
        </Toggle>
        {chosen.publicIp && !open && (
          <Alert type="info">
            No rule of these security groups lets anybody in by address, so the public IP will not answer. Add an inbound
            rule, such as TCP port 80 from 0.0.0.0/0.
          </Alert>
        )}
      </SpaceBetween>
    </Container>
  );
}

function first(network: Network, definition: string | undefined): Chosen {
  const vpc = (network.vpcs.find(({ IsDefault }) => IsDefault) ?? network.vpcs[0])?.VpcId;
  return { definition, count: '1', publicIp: true, ...inVpc(network, vpc) };
}

/** What is chosen in a VPC before anybody chooses: all its subnets, its default security group. */
function inVpc(network: Network, vpc: string | undefined): Pick<Chosen, 'vpc' | 'subnets' | 'groups'> {
  const subnets = network.subnets.filter(({ VpcId }) => VpcId === vpc).flatMap(({ SubnetId }) => SubnetId ?? []);
  const groups = network.groups.filter(({ VpcId, GroupName }) => VpcId === vpc && GroupName === 'default').flatMap(({ GroupId }) => GroupId ?? []);
  return { vpc, subnets: subnets.slice(0, 16), groups };
}

function problemsOf(chosen: Chosen): Record<string, string> {
  const problems: Record<string, string> = {};
  if (!chosen.definition) problems.definition = 'Choose a task definition.';
  if (!/^([1-9]|10)$/.test(chosen.count)) problems.count = '1 to 10.';
  if (chosen.subnets.length === 0) problems.subnets = 'Choose at least one subnet.';
  return problems;
}

function inputOf(cluster: string, chosen: Chosen): RunTaskCommandInput {
  return {
    cluster,
    taskDefinition: chosen.definition ?? '',
    launchType: 'FARGATE',
    count: Number(chosen.count),
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: chosen.subnets,
        securityGroups: chosen.groups,
        assignPublicIp: chosen.publicIp ? 'ENABLED' : 'DISABLED',
      },
    },
  };
}

function commandOf(input: RunTaskCommandInput): string {
  return cli('ecs run-task', {
    cluster: input.cluster,
    'task-definition': input.taskDefinition,
    'launch-type': input.launchType,
    count: input.count === 1 ? undefined : input.count,
    'network-configuration': input.networkConfiguration,
  });
}
