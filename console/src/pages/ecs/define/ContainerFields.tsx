// One container of a task definition.
import type { ContainerDefinition } from '@aws-sdk/client-ecs';
import Alert from '@cloudscape-design/components/alert';
import AttributeEditor from '@cloudscape-design/components/attribute-editor';
import Autosuggest from '@cloudscape-design/components/autosuggest';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';

import { paths } from '../../../aws/arn';
import { session } from '../../../aws/session';
import { To } from '../../../components/To';
import type { Choice } from './choices';
import type { Problems } from './draft';
import { ArgumentsField, ChoiceField } from './fields';

interface ContainerFieldsProps {
  container: ContainerDefinition;
  /** Its place, which the names of its problems have. */
  at: number;
  family: string;
  problems: Problems;
  secrets: Choice[] | undefined;
  onChange: (container: ContainerDefinition) => void;
  /** Takes it away; not offered for the only one. */
  onRemove?: () => void;
}

export function ContainerFields(props: ContainerFieldsProps) {
  const { container, at, problems, secrets, onChange, onRemove } = props;
  const set = (change: Partial<ContainerDefinition>) => onChange({ ...container, ...change });
  const problem = (name: string) => problems[`containers.${at}.${name}`];
  const credentials = container.repositoryCredentials;
  return (
    <Container
      header={
        <Header variant="h2" actions={onRemove && <Button onClick={onRemove}>Remove</Button>}>
          Container {at + 1}
          {container.name && `: ${container.name}`}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <ColumnLayout columns={2}>
          <FormField label="Name" errorText={problem('name')}>
            <Input value={container.name ?? ''} onChange={({ detail }) => set({ name: detail.value })} placeholder="web" />
          </FormField>
          <FormField label="Image" description="registry/repository:tag, or @digest" errorText={problem('image')}>
            <Input
              value={container.image ?? ''}
              onChange={({ detail }) => set({ image: detail.value })}
              placeholder="registry.example.com/alice/web:1.0"
              spellcheck={false}
            />
          </FormField>
        </ColumnLayout>
        <SpaceBetween size="s">
          <Toggle
            checked={credentials !== undefined}
            description="The registry asks for a user name and a password. They are kept in a secret, and read at every pull."
            onChange={({ detail }) => set({ repositoryCredentials: detail.checked ? { credentialsParameter: '' } : undefined })}
          >
            Private registry authentication
          </Toggle>
          {credentials && (
            <ChoiceField
              label="Secret with the registry's login"
              description={'Its value has the keys username and password. The execution role must be allowed to read it.'}
              secondary={<To path={paths.createSecret()}>Store a new secret</To>}
              value={credentials.credentialsParameter}
              choices={secrets}
              placeholder="Choose a secret, or type its ARN"
              error={problem('credentials')}
              onChange={credentialsParameter => set({ repositoryCredentials: { credentialsParameter } })}
            />
          )}
        </SpaceBetween>
        <Checkbox
          checked={container.essential !== false}
          description="The task ends when this container ends."
          onChange={({ detail }) => set({ essential: detail.checked })}
        >
          Essential
        </Checkbox>
        <Ports {...props} />
        <Logging {...props} />
        <ExpandableSection headerText="Environment and secrets" defaultExpanded={Boolean(container.environment?.length || container.secrets?.length)}>
          <SpaceBetween size="l">
            <Environment {...props} />
            <Secrets {...props} />
          </SpaceBetween>
        </ExpandableSection>
        <ExpandableSection headerText="Command and user">
          <SpaceBetween size="m">
            <ArgumentsField
              label="Entry point"
              description="One argument a line; in the place of the image's."
              value={container.entryPoint}
              onChange={entryPoint => set({ entryPoint })}
            />
            <ArgumentsField
              label="Command"
              description="One argument a line; in the place of the image's."
              value={container.command}
              onChange={command => set({ command })}
            />
            <ColumnLayout columns={2}>
              <FormField label="Working directory">
                <Input value={container.workingDirectory ?? ''} onChange={({ detail }) => set({ workingDirectory: detail.value })} />
              </FormField>
              <FormField label="User">
                <Input value={container.user ?? ''} onChange={({ detail }) => set({ user: detail.value })} />
              </FormField>
            </ColumnLayout>
          </SpaceBetween>
        </ExpandableSection>
      </SpaceBetween>
    </Container>
  );
}

function Ports({ container, at, problems, onChange }: ContainerFieldsProps) {
  const ports = container.portMappings ?? [];
  const set = (portMappings: typeof ports) => onChange({ ...container, portMappings });
  const change = (index: number, part: object) => set(ports.map((port, other) => (other === index ? { ...port, ...part } : port)));
  return (
    <FormField label="Ports" description="On which the container listens. Who reaches them is up to the security groups." stretch>
      <AttributeEditor
        items={ports}
        empty="No ports."
        addButtonText="Add a port"
        removeButtonText="Remove"
        onAddButtonClick={() => set([...ports, { containerPort: 80, protocol: 'tcp' }])}
        onRemoveButtonClick={({ detail }) => set(ports.filter((_, index) => index !== detail.itemIndex))}
        definition={[
          {
            label: 'Container port',
            control: (port, index) => (
              <Input
                type="number"
                value={port.containerPort ? String(port.containerPort) : ''}
                ariaLabel={`Container port ${index + 1}`}
                onChange={({ detail }) => change(index, { containerPort: detail.value ? Number(detail.value) : undefined })}
              />
            ),
            errorText: (_, index) => problems[`containers.${at}.port.${index}`],
          },
          {
            label: 'Protocol',
            control: (port, index) => (
              <Select
                ariaLabel={`Protocol ${index + 1}`}
                selectedOption={{ value: port.protocol ?? 'tcp', label: port.protocol ?? 'tcp' }}
                options={[{ value: 'tcp', label: 'tcp' }, { value: 'udp', label: 'udp' }]}
                onChange={({ detail }) => change(index, { protocol: detail.selectedOption.value })}
              />
            ),
          },
        ]}
      />
    </FormField>
  );
}

function Logging({ container, family, onChange }: ContainerFieldsProps) {
  const { logConfiguration } = container;
  const options = logConfiguration?.options ?? {};
  const set = (change: Record<string, string | undefined>) => {
    const entries = Object.entries({ ...options, ...change }).filter((entry): entry is [string, string] => Boolean(entry[1]));
    onChange({ ...container, logConfiguration: { ...logConfiguration, logDriver: 'awslogs', options: Object.fromEntries(entries) } });
  };
  const turn = (on: boolean) =>
    on
      ? set({
          'awslogs-group': `/ecs/${family || 'tasks'}`,
          'awslogs-region': session().region,
          'awslogs-stream-prefix': 'ecs',
          'awslogs-create-group': 'true',
        })
      : onChange({ ...container, logConfiguration: undefined });
  const isOn = logConfiguration?.logDriver === 'awslogs';
  return (
    <SpaceBetween size="s">
      <Toggle
        checked={isOn}
        description="What the container prints is kept and shown on the page of the task. The execution role must be allowed to write it."
        onChange={({ detail }) => turn(detail.checked)}
      >
        CloudWatch Logs
      </Toggle>
      {isOn && (
        <ColumnLayout columns={2}>
          <FormField label="Log group">
            <Input value={options['awslogs-group'] ?? ''} onChange={({ detail }) => set({ 'awslogs-group': detail.value })} />
          </FormField>
          <FormField label="Stream prefix">
            <Input value={options['awslogs-stream-prefix'] ?? ''} onChange={({ detail }) => set({ 'awslogs-stream-prefix': detail.value })} />
          </FormField>
          <Checkbox
            checked={options['awslogs-create-group'] === 'true'}
            description="The execution role needs logs:CreateLogGroup for that."
            onChange={({ detail }) => set({ 'awslogs-create-group': detail.checked ? 'true' : undefined })}
          >
            Make the group if it is not there
          </Checkbox>
        </ColumnLayout>
      )}
    </SpaceBetween>
  );
}

const PASSWORDS = /passw|secret|token|credential|api_?key|private_?key/i;

function Environment({ container, at, problems, onChange }: ContainerFieldsProps) {
  const variables = container.environment ?? [];
  const set = (environment: typeof variables) => onChange({ ...container, environment });
  const change = (index: number, part: object) =>
    set(variables.map((variable, other) => (other === index ? { ...variable, ...part } : variable)));
  const suspicious = variables.filter(({ name, value }) => value && PASSWORDS.test(name ?? '')).map(({ name }) => name);
  return (
    <SpaceBetween size="s">
      <FormField label="Environment variables" description="Everybody who may see the task definition sees them." stretch>
        <AttributeEditor
          items={variables}
          empty="No variables."
          addButtonText="Add a variable"
          removeButtonText="Remove"
          onAddButtonClick={() => set([...variables, { name: '', value: '' }])}
          onRemoveButtonClick={({ detail }) => set(variables.filter((_, index) => index !== detail.itemIndex))}
          definition={[
            {
              label: 'Name',
              control: ({ name }, index) => (
                <Input value={name ?? ''} ariaLabel={`Variable ${index + 1}`} onChange={({ detail }) => change(index, { name: detail.value })} />
              ),
              errorText: (_, index) => problems[`containers.${at}.environment.${index}`],
            },
            {
              label: 'Value',
              control: ({ value }, index) => (
                <Input value={value ?? ''} ariaLabel={`Value ${index + 1}`} onChange={({ detail }) => change(index, { value: detail.value })} />
              ),
            },
          ]}
        />
      </FormField>
      {suspicious.length > 0 && (
        <Alert type="warning">
          {suspicious.join(', ')} looks like something secret. Keep it in a secret and name that below, so that it is not
          written into the task definition.
        </Alert>
      )}
    </SpaceBetween>
  );
}

function Secrets({ container, at, problems, secrets, onChange }: ContainerFieldsProps) {
  const variables = container.secrets ?? [];
  type Variables = NonNullable<ContainerDefinition['secrets']>;
  const set = (secrets: Variables) => onChange({ ...container, secrets });
  const change = (index: number, part: object) =>
    set(variables.map((variable, other) => (other === index ? { ...variable, ...part } : variable)));
  return (
    <FormField
      label="Variables from secrets"
      description="Read when the container starts. ARN:key:: takes one key of a JSON value."
      stretch
    >
      <AttributeEditor
        items={variables}
        empty="No variables from secrets."
        addButtonText="Add a variable from a secret"
        removeButtonText="Remove"
        onAddButtonClick={() => set([...variables, { name: '', valueFrom: '' }])}
        onRemoveButtonClick={({ detail }) => set(variables.filter((_, index) => index !== detail.itemIndex))}
        definition={[
          {
            label: 'Name',
            control: ({ name }, index) => (
              <Input value={name ?? ''} ariaLabel={`Variable of secret ${index + 1}`} onChange={({ detail }) => change(index, { name: detail.value })} />
            ),
            errorText: (_, index) => problems[`containers.${at}.secret.${index}`],
          },
          {
            label: 'Secret',
            control: ({ valueFrom }, index) => (
              <Autosuggest
                value={valueFrom ?? ''}
                ariaLabel={`Secret ${index + 1}`}
                options={(secrets ?? []).map(({ value, label, description }) => ({ value, label, description }))}
                enteredTextLabel={text => `Use ${text}`}
                onChange={({ detail }) => change(index, { valueFrom: detail.value })}
              />
            ),
          },
        ]}
      />
    </FormField>
  );
}
