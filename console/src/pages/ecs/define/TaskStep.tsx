// The form's first step: the task as a whole.
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';

import { paths } from '../../../aws/arn';
import { useLive } from '../../../aws/useLive';
import { To } from '../../../components/To';
import { roles } from './choices';
import { gib, PLATFORMS, platformOf, SIZES, vcpu, type Draft, type Problems } from './draft';
import { ChoiceField } from './fields';

export interface StepProps {
  draft: Draft;
  problems: Problems;
  onChange: (draft: Draft) => void;
}

export function TaskStep({ draft, problems, onChange }: StepProps) {
  const knownRoles = useLive(roles, [], { every: 15_000 });
  const set = (change: Partial<Draft>) => onChange({ ...draft, ...change });
  const size = SIZES.find(({ cpu }) => String(cpu) === draft.cpu);
  const memories = size?.memory ?? [];
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">Family and size</Header>}>
        <SpaceBetween size="l">
          <FormField
            label="Family"
            description="The name of the task definition. Each change of it is a new revision."
            errorText={problems.family}
          >
            <Input value={draft.family ?? ''} onChange={({ detail }) => set({ family: detail.value })} placeholder="web" />
          </FormField>
          <ColumnLayout columns={2}>
            <FormField label="CPU" errorText={problems.cpu}>
              <Select
                selectedOption={draft.cpu ? { value: draft.cpu, label: size ? vcpu(size.cpu) : draft.cpu } : null}
                options={SIZES.map(({ cpu }) => ({ value: String(cpu), label: vcpu(cpu) }))}
                onChange={({ detail }) => {
                  const cpu = detail.selectedOption.value;
                  const fitting = SIZES.find(size => String(size.cpu) === cpu)?.memory ?? [];
                  const memory = fitting.includes(Number(draft.memory)) ? draft.memory : String(fitting[0] ?? '');
                  set({ cpu, memory });
                }}
              />
            </FormField>
            <FormField label="Memory" errorText={problems.memory}>
              <Select
                selectedOption={draft.memory ? { value: draft.memory, label: gib(Number(draft.memory)) } : null}
                options={memories.map(memory => ({ value: String(memory), label: gib(memory) }))}
                onChange={({ detail }) => set({ memory: detail.selectedOption.value })}
              />
            </FormField>
            <FormField label="Operating system and architecture" description="Those for which the images are built.">
              <Select
                selectedOption={{ value: platformOf(draft), label: platformOf(draft) }}
                options={PLATFORMS.map(platform => ({ value: platform, label: platform }))}
                onChange={({ detail }) => {
                  const [operatingSystemFamily, cpuArchitecture] = (detail.selectedOption.value ?? '').split('/');
                  set({ runtimePlatform: { operatingSystemFamily, cpuArchitecture } as Draft['runtimePlatform'] });
                }}
              />
            </FormField>
          </ColumnLayout>
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">Roles</Header>}>
        <ColumnLayout columns={2}>
          <ChoiceField
            label="Execution role"
            description="With it ECS reads the secrets, pulls the images and writes the logs."
            secondary={<To path={paths.createRole()}>Create a role</To>}
            value={draft.executionRoleArn}
            choices={knownRoles.data}
            placeholder="Choose a role, or type its ARN"
            error={problems.executionRoleArn}
            onChange={executionRoleArn => set({ executionRoleArn })}
          />
          <ChoiceField
            label="Task role"
            description="With it the containers themselves call AWS. Most tasks need none."
            value={draft.taskRoleArn}
            choices={knownRoles.data}
            placeholder="None"
            error={problems.taskRoleArn}
            onChange={taskRoleArn => set({ taskRoleArn })}
          />
        </ColumnLayout>
      </Container>
    </SpaceBetween>
  );
}
