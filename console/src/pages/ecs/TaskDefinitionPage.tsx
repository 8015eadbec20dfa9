// One revision of a task definition: what is in it, and what one can do with it.
import { DeregisterTaskDefinitionCommand, ListClustersCommand, type ContainerDefinition, type TaskDefinition } from '@aws-sdk/client-ecs';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { useState } from 'react';
import { useNavigate, useParams, useSearchParams } from 'react-router-dom';

import { paths, shortName } from '../../aws/arn';
import { cli, file } from '../../aws/cli';
import { ecs } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { Dialog } from '../../components/Dialog';
import { ErrorAlert } from '../../components/ErrorAlert';
import { JsonView } from '../../components/JsonView';
import { Status } from '../../components/Status';
import { Time } from '../../components/Time';
import { ArnLink } from '../../components/To';
import { Page } from '../../frame/page';
import { useNotifications } from '../../frame/notifications';
import { CheckView } from './CheckView';
import { definitionName, familyArns, taskDefinition } from './data';
import { draftOf, terraformOf } from './define/draft';
import { useCheck } from './useCheck';

export function TaskDefinitionPage() {
  const { family = '', revision = '' } = useParams();
  const name = `${family}:${revision}`;
  const [search, setSearch] = useSearchParams();
  const [deregistering, setDeregistering] = useState(false);
  const live = useLive(() => taskDefinition(name), [name], { every: 10_000 });
  const definition = live.data;
  const [check, ask] = useCheck();
  const askCheck = () => {
    ask({ taskDefinition: name });
    setSearch({ tab: 'check' }, { replace: true });
  };
  return (
    <Page
      title={name}
      crumbs={[{ text: 'Task definitions', path: paths.taskDefinitions() }, { text: name }]}
      actions={definition && <Actions family={family} revision={revision} definition={definition} onCheck={askCheck} onDeregister={() => setDeregistering(true)} />}
    >
      <SpaceBetween size="l">
        {live.error !== undefined && <ErrorAlert error={live.error} onRetry={() => void live.refresh()} />}
        {definition?.status === 'INACTIVE' && <Alert type="info">This revision is deregistered. Tasks that run go on; new ones cannot be run.</Alert>}
        {definition && <Overview definition={definition} />}
        {definition && (
          <Tabs
            activeTabId={search.get('tab') ?? 'containers'}
            onChange={({ detail }) => setSearch({ tab: detail.activeTabId }, { replace: true })}
            tabs={[
              { id: 'containers', label: 'Containers', content: <Containers definition={definition} /> },
              {
                id: 'check',
                label: 'Check',
                content: check ? (
                  <CheckView check={check} onAgain={askCheck} />
                ) : (
                  <SpaceBetween size="s">
                    Before a task is run: would it start? Roles, secrets, keys, registry and image are really asked.
                    <Button onClick={askCheck}>Check now</Button>
                  </SpaceBetween>
                ),
              },
              { id: 'json', label: 'JSON', content: <JsonView value={definition} name={`${family}-${revision}`} /> },
            ]}
          />
        )}
        {definition && (
          <CliCommand
            note="The JSON of the tab above, saved as task-definition.json, registers the same again."
            command={cli('ecs register-task-definition', { 'cli-input-json': file('task-definition.json') })}
            terraform={terraformOf(draftOf(definition))}
          />
        )}
        {deregistering && (
          <Deregister
            name={name}
            onClose={() => {
              setDeregistering(false);
              void live.refresh();
            }}
          />
        )}
      </SpaceBetween>
    </Page>
  );
}

interface ActionsProps {
  family: string;
  revision: string;
  definition: TaskDefinition;
  onCheck: () => void;
  onDeregister: () => void;
}

function Actions({ family, revision, definition, onCheck, onDeregister }: ActionsProps) {
  const navigate = useNavigate();
  const revisions = useLive(() => familyArns(family), [family], { every: 10_000 });
  const clusters = useLive(async () => (await ecs().send(new ListClustersCommand({ maxResults: 100 }))).clusterArns ?? [], [], { every: 30_000 });
  const known = (revisions.data ?? []).map(arn => definitionName(arn).split(':')[1] ?? '');
  const names = (clusters.data ?? []).map(shortName);
  const query = `definition=${encodeURIComponent(`${family}:${revision}`)}`;
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <Select
        ariaLabel="Revision"
        selectedOption={{ value: revision, label: `Revision ${revision}` }}
        options={known.map(value => ({ value, label: `Revision ${value}` }))}
        onChange={({ detail }) => void navigate(paths.taskDefinition(family, detail.selectedOption.value ?? revision))}
      />
      <ButtonDropdown
        items={[
          { id: 'compare', text: 'Compare revisions', disabled: known.length < 2 },
          { id: 'deregister', text: 'Deregister', disabled: definition.status !== 'ACTIVE' },
        ]}
        onItemClick={({ detail }) =>
          detail.id === 'compare' ? void navigate(`${paths.compare(family)}?to=${revision}`) : onDeregister()
        }
      >
        More
      </ButtonDropdown>
      <Button onClick={onCheck}>Check</Button>
      <Button onClick={() => void navigate(`${paths.createTaskDefinition()}?from=${encodeURIComponent(`${family}:${revision}`)}`)}>
        Create new revision
      </Button>
      {names.length === 1 ? (
        <Button variant="primary" disabled={definition.status !== 'ACTIVE'} onClick={() => void navigate(`${paths.runTask(names[0] ?? '')}?${query}`)}>
          Run a task
        </Button>
      ) : (
        <ButtonDropdown
          variant="primary"
          disabled={definition.status !== 'ACTIVE' || names.length === 0}
          items={names.map(id => ({ id, text: `In ${id}` }))}
          onItemClick={({ detail }) => void navigate(`${paths.runTask(detail.id)}?${query}`)}
        >
          Run a task
        </ButtonDropdown>
      )}
    </SpaceBetween>
  );
}

function Overview({ definition }: { definition: TaskDefinition }) {
  return (
    <Container header={<Header variant="h2">Overview</Header>}>
      <KeyValuePairs
        columns={3}
        items={[
          { label: 'ARN', value: <Copy text={definition.taskDefinitionArn ?? ''} label="ARN" shown /> },
          { label: 'Status', value: <Status value={definition.status} /> },
          { label: 'CPU and memory', value: `${definition.cpu ?? '-'} units, ${definition.memory ?? '-'} MiB` },
          { label: 'Execution role', value: definition.executionRoleArn ? <ArnLink arn={definition.executionRoleArn} /> : 'none' },
          { label: 'Task role', value: definition.taskRoleArn ? <ArnLink arn={definition.taskRoleArn} /> : 'none' },
          { label: 'Network mode', value: definition.networkMode ?? '-' },
          { label: 'Registered', value: <Time value={definition.registeredAt} /> },
          { label: 'Registered by', value: definition.registeredBy ? <ArnLink arn={definition.registeredBy} /> : '-' },
          { label: 'Launch types', value: definition.compatibilities?.join(', ') ?? '-' },
        ]}
      />
    </Container>
  );
}

function Containers({ definition }: { definition: TaskDefinition }) {
  return (
    <SpaceBetween size="l">
      {definition.containerDefinitions?.map(container => <OneContainer key={container.name} container={container} />)}
    </SpaceBetween>
  );
}

function OneContainer({ container }: { container: ContainerDefinition }) {
  const login = container.repositoryCredentials?.credentialsParameter;
  const options = container.logConfiguration?.options;
  const lines = (values: (string | undefined)[] | undefined) => (values?.length ? values.map((value, at) => <div key={at} className="break">{value}</div>) : '-');
  return (
    <Container header={<Header variant="h2">{container.name}</Header>}>
      <KeyValuePairs
        columns={3}
        items={[
          { label: 'Image', value: <Copy text={container.image ?? ''} label="image" shown /> },
          { label: 'Registry login', value: login ? <ArnLink arn={login} /> : 'none' },
          { label: 'Essential', value: container.essential === false ? 'no' : 'yes' },
          { label: 'Ports', value: lines(container.portMappings?.map(port => `${port.containerPort}/${port.protocol ?? 'tcp'}`)) },
          { label: 'Logs', value: options?.['awslogs-group'] ?? container.logConfiguration?.logDriver ?? 'none' },
          { label: 'Command', value: lines([...(container.entryPoint ?? []), ...(container.command ?? [])]) },
          { label: 'Environment', value: lines(container.environment?.map(({ name, value }) => `${name}=${value}`)) },
          {
            label: 'Variables from secrets',
            value: container.secrets?.length
              ? container.secrets.map(({ name, valueFrom }) => (
                  <Box key={name}>
                    {name}: <ArnLink arn={valueFrom ?? ''} />
                  </Box>
                ))
              : '-',
          },
        ]}
      />
    </Container>
  );
}

function Deregister({ name, onClose }: { name: string; onClose: () => void }) {
  const { success } = useNotifications();
  return (
    <Dialog
      title={`Deregister ${name}?`}
      action="Deregister"
      onClose={onClose}
      onAction={async () => {
        await ecs().send(new DeregisterTaskDefinitionCommand({ taskDefinition: name }));
        success(`${name} is deregistered.`);
      }}
    >
      No new tasks can be run from it; those that run go on.
      <CliCommand command={cli('ecs deregister-task-definition', { 'task-definition': name })} />
    </Dialog>
  );
}
