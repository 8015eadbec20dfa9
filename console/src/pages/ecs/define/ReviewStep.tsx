// The form's last step: what will be registered, in short and as JSON.
import type { ContainerDefinition } from '@aws-sdk/client-ecs';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';

import { ArnLink } from '../../../components/To';
import { JsonView } from '../../../components/JsonView';
import { gib, inputOf, platformOf, STEP, vcpu, type Draft } from './draft';

export function ReviewStep({ draft, goTo }: { draft: Draft; goTo: (step: number) => void }) {
  const { family, cpu, memory, executionRoleArn, taskRoleArn, containerDefinitions = [] } = draft;
  const edit = (step: number) => <Button onClick={() => goTo(step)}>Edit</Button>;
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2" actions={edit(STEP.task)}>Task</Header>}>
        <KeyValuePairs
          columns={3}
          items={[
            { label: 'Family', value: text(family) },
            { label: 'CPU', value: cpu ? vcpu(Number(cpu)) : '-' },
            { label: 'Memory', value: memory ? gib(Number(memory)) : '-' },
            { label: 'Execution role', value: arn(executionRoleArn) },
            { label: 'Task role', value: arn(taskRoleArn) },
            { label: 'Operating system and architecture', value: text(platformOf(draft)) },
          ]}
        />
      </Container>
      {containerDefinitions.map((container, at) => (
        <Container
          key={at}
          header={
            <Header variant="h2" actions={edit(STEP.containers)}>
              Container {at + 1}: {container.name}
            </Header>
          }
        >
          <KeyValuePairs columns={3} items={itemsOf(container)} />
        </Container>
      ))}
      <Container>
        <ExpandableSection headerText="JSON">
          <JsonView value={inputOf(draft)} name="task-definition" />
        </ExpandableSection>
      </Container>
    </SpaceBetween>
  );
}

function itemsOf({ image, repositoryCredentials, portMappings = [], logConfiguration, environment = [], secrets = [] }: ContainerDefinition) {
  return [
    { label: 'Image', value: text(image) },
    { label: 'Private registry authentication', value: arn(repositoryCredentials?.credentialsParameter, 'Off') },
    { label: 'Ports', value: text(portMappings.map(({ containerPort, protocol = 'tcp' }) => `${containerPort}/${protocol}`).join(', ')) },
    { label: 'Logs', value: text(logConfiguration?.options?.['awslogs-group'] ?? logConfiguration?.logDriver) },
    { label: 'Environment variables', value: text(environment.map(({ name }) => name).join(', ')) },
    { label: 'Variables from secrets', value: text(secrets.map(({ name }) => name).join(', ')) },
  ];
}

function text(value: string | undefined) {
  return <span className="break">{value || '-'}</span>;
}

function arn(value: string | undefined, none = '-') {
  return value ? <ArnLink arn={value} /> : none;
}
