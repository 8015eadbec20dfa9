// The form's second step: what runs in the task.
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';

import { useLive } from '../../../aws/useLive';
import { secrets } from './choices';
import { ContainerFields } from './ContainerFields';
import { needsExecutionRole, newContainer } from './draft';
import type { StepProps } from './TaskStep';

export function ContainersStep({ draft, problems, onChange, onRole }: StepProps & { onRole: () => void }) {
  const known = useLive(secrets, [], { every: 15_000 });
  const containers = draft.containerDefinitions ?? [];
  const set = (containerDefinitions: typeof containers) => onChange({ ...draft, containerDefinitions });
  return (
    <SpaceBetween size="l">
      {problems[''] && <Alert type="error">{problems['']}</Alert>}
      {containers.some(needsExecutionRole) && !draft.executionRoleArn && (
        <Alert type="warning" header="The task has no execution role" action={<Button onClick={onRole}>Choose a role</Button>}>
          With it ECS reads the secrets and writes the logs of these containers.
        </Alert>
      )}
      {containers.map((container, at) => (
        <ContainerFields
          key={at}
          at={at}
          container={container}
          family={draft.family ?? ''}
          problems={problems}
          secrets={known.data}
          onChange={changed => set(containers.map((other, index) => (index === at ? changed : other)))}
          onRemove={containers.length > 1 ? () => set(containers.filter((_, index) => index !== at)) : undefined}
        />
      ))}
      <Button iconName="add-plus" onClick={() => set([...containers, { ...newContainer(), portMappings: [] }])}>
        Add a container
      </Button>
    </SpaceBetween>
  );
}
