// The containers of a task, each with what its definition gave it.
import type { Container as TaskContainer, ContainerDefinition, Task, TaskDefinition } from '@aws-sdk/client-ecs';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';

import { Copy } from '../../components/Copy';
import { Status } from '../../components/Status';
import { ArnLink } from '../../components/To';

export function Containers({ task, definition }: { task: Task; definition?: TaskDefinition }) {
  return (
    <SpaceBetween size="l">
      {task.containers?.map(container => {
        const defined = definition?.containerDefinitions?.find(({ name }) => name === container.name);
        return <OneContainer key={container.name} container={container} definition={defined} />;
      })}
    </SpaceBetween>
  );
}

function OneContainer({ container, definition }: { container: TaskContainer; definition?: ContainerDefinition }) {
  const failed = container.lastStatus === 'STOPPED' && container.exitCode !== 0;
  const login = definition?.repositoryCredentials?.credentialsParameter;
  const ports = definition?.portMappings?.map(port => `${port.containerPort}/${port.protocol ?? 'tcp'}`);
  return (
    <Container header={<Header variant="h2">{container.name}</Header>}>
      <SpaceBetween size="m">
        <KeyValuePairs
          columns={3}
          items={[
            { label: 'Status', value: <Status value={container.lastStatus} bad={failed} /> },
            { label: 'Exit code', value: container.exitCode ?? '-' },
            { label: 'Health', value: <Status value={container.healthStatus} /> },
            { label: 'Image', value: <Copy text={container.image ?? ''} label="image" shown /> },
            { label: 'Image digest', value: container.imageDigest ? <Copy text={container.imageDigest} label="digest" shown /> : '-' },
            { label: 'Registry login', value: login ? <ArnLink arn={login} /> : 'none' },
            { label: 'Essential', value: definition?.essential === false ? 'no' : 'yes' },
            { label: 'Ports', value: ports?.length ? ports.join(', ') : '-' },
            { label: 'Runtime id', value: container.runtimeId ?? '-' },
          ]}
        />
        {container.reason && (
          <Box color="text-status-error">
            <span className="break">{container.reason}</span>
          </Box>
        )}
        <ExpandableSection headerText="Environment">
          <KeyValuePairs
            columns={2}
            items={[
              ...(definition?.environment ?? []).map(({ name, value }) => ({ label: name ?? '', value: value ?? '' })),
              ...(definition?.secrets ?? []).map(({ name, valueFrom }) => ({
                label: `${name} (secret)`,
                value: <ArnLink arn={valueFrom ?? ''} />,
              })),
            ]}
          />
          {!definition?.environment?.length && !definition?.secrets?.length && <Box>No variables.</Box>}
        </ExpandableSection>
      </SpaceBetween>
    </Container>
  );
}
