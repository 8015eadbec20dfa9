// A task definition while it is written: what the form edits and the JSON shows is one and the same value, so nothing is
// lost when one goes from one to the other.
import type { ContainerDefinition, RegisterTaskDefinitionCommandInput, TaskDefinition } from '@aws-sdk/client-ecs';

export type Draft = Partial<RegisterTaskDefinitionCommandInput>;

/** Messages by field: `family`, `cpu`, `containers.0.image`; the empty name is the whole. */
export type Problems = Record<string, string>;

/** What Fargate gives, in CPU units and MiB. */
export const SIZES: { cpu: number; memory: number[] }[] = [
  { cpu: 256, memory: [512, 1024, 2048] },
  { cpu: 512, memory: steps(1024, 4096, 1024) },
  { cpu: 1024, memory: steps(2048, 8192, 1024) },
  { cpu: 2048, memory: steps(4096, 16_384, 1024) },
  { cpu: 4096, memory: steps(8192, 30_720, 1024) },
  { cpu: 8192, memory: steps(16_384, 61_440, 4096) },
  { cpu: 16_384, memory: steps(32_768, 122_880, 8192) },
];

/** The platforms for which images are built; without a choice it is the first. */
export const PLATFORMS = ['LINUX/X86_64', 'LINUX/ARM64'];

export function platformOf({ runtimePlatform }: Draft): string {
  return `${runtimePlatform?.operatingSystemFamily ?? 'LINUX'}/${runtimePlatform?.cpuArchitecture ?? 'X86_64'}`;
}

export const gib = (mib: number) => (mib < 1024 ? `${mib} MiB` : `${mib / 1024} GiB`);
export const vcpu = (units: number) => `${units / 1024} vCPU (${units} units)`;

/** An empty draft; or one that pulls with the registry's login that this secret holds. */
export function newDraft(secret?: string): Draft {
  const login = secret ? { repositoryCredentials: { credentialsParameter: secret } } : {};
  return {
    family: '',
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    containerDefinitions: [{ ...newContainer(), ...login }],
  };
}

export function newContainer(): ContainerDefinition {
  return { name: '', image: '', essential: true, portMappings: [{ containerPort: 80, protocol: 'tcp' }] };
}

const READ_ONLY = [
  'taskDefinitionArn',
  'revision',
  'status',
  'requiresAttributes',
  'compatibilities',
  'registeredAt',
  'registeredBy',
  'deregisteredAt',
  '$metadata',
];

/** The draft of a new revision. */
export function draftOf(definition: TaskDefinition): Draft {
  const entries = Object.entries(definition).filter(([name]) => !READ_ONLY.includes(name));
  return withoutEmpty(Object.fromEntries(entries)) as Draft;
}

/** What is registered: without what the form left empty. */
export function inputOf(draft: Draft): RegisterTaskDefinitionCommandInput {
  return withoutEmpty(draft) as RegisterTaskDefinitionCommandInput;
}

/** What is wrong before anybody is asked. The server checks all of it again, and more. */
export function problemsOf(draft: Draft): Problems {
  const problems: Problems = {};
  if (!draft.family) problems.family = 'A family needs a name.';
  else if (!/^[A-Za-z0-9_-]{1,255}$/.test(draft.family)) {
    problems.family = 'Up to 255 letters, digits, hyphens and underscores.';
  }
  const containers = draft.containerDefinitions ?? [];
  if (containers.length === 0) problems[''] = 'A task needs a container.';
  const needsRole = containers.some(needsExecutionRole);
  if (needsRole && !draft.executionRoleArn) {
    problems.executionRoleArn = 'An execution role is needed: it reads the secrets and writes the logs of the containers.';
  }
  containers.forEach((container, at) => {
    const field = (name: string, message: string) => (problems[`containers.${at}.${name}`] ??= message);
    if (!container.name) field('name', 'A container needs a name.');
    else if (!/^[A-Za-z0-9_-]{1,255}$/.test(container.name)) field('name', 'Up to 255 letters, digits, hyphens and underscores.');
    else if (containers.findIndex(({ name }) => name === container.name) < at) field('name', 'Another container has this name.');
    if (!container.image) field('image', 'A container needs an image.');
    else if (/\s/.test(container.image)) field('image', 'The name of an image has no spaces in it.');
    if (container.repositoryCredentials && !container.repositoryCredentials.credentialsParameter) {
      field('credentials', 'Choose the secret that holds user name and password of the registry.');
    }
    (container.portMappings ?? []).forEach(({ containerPort }, port) => {
      if (!containerPort || containerPort < 1 || containerPort > 65_535) field(`port.${port}`, 'A port is a number from 1 to 65535.');
    });
    (container.environment ?? []).forEach(({ name }, variable) => {
      if (!name) field(`environment.${variable}`, 'A variable needs a name.');
    });
    (container.secrets ?? []).forEach(({ name, valueFrom }, variable) => {
      if (!name || !valueFrom) field(`secret.${variable}`, 'Name and secret are both needed.');
    });
  });
  if (containers.length > 0 && !containers.some(({ essential }) => essential !== false)) {
    problems[''] ??= 'At least one container must be essential: the task ends with it.';
  }
  return problems;
}

/** At which field the server's refusal belongs. */
export function fieldOf(message: string, draft: Draft): string {
  const containers = draft.containerDefinitions ?? [];
  const named = /container '([^']+)'/i.exec(message)?.[1];
  const index = Math.max(0, named ? containers.findIndex(({ name }) => name === named) : 0);
  if (/^Invalid 'cpu' setting for task|'cpu' be defined at the task|^No Fargate configuration/.test(message)) return 'cpu';
  if (/^Invalid 'memory' setting for task|'memory' be defined at the task/.test(message)) return 'memory';
  if (/family/i.test(message)) return 'family';
  if (/Container\.image/.test(message)) return `containers.${Math.max(0, containers.findIndex(({ image }) => !image))}.image`;
  if (/Container\.name/.test(message)) return `containers.${index}.name`;
  if (/repositoryCredentials|credentialsParameter/i.test(message)) return `containers.${index}.credentials`;
  if (/execution ?role/i.test(message) || /^Role is not valid/.test(message)) return 'executionRoleArn';
  return '';
}

/** The steps of the form. */
export const STEP = { task: 0, containers: 1, review: 2 };

/** The first step on which something is wrong. */
export function stepOf(problems: Problems): number | undefined {
  const steps = Object.keys(problems).map(field => (field === '' || field.startsWith('containers.') ? STEP.containers : STEP.task));
  return steps.length > 0 ? Math.min(...steps) : undefined;
}

/** Whether a container reads a secret or writes to CloudWatch Logs. */
export function needsExecutionRole(container: ContainerDefinition): boolean {
  return Boolean(
    container.repositoryCredentials || container.secrets?.length || container.logConfiguration?.logDriver === 'awslogs',
  );
}

/** The same as a Terraform resource. */
export function terraformOf(draft: Draft): string {
  const input = inputOf(draft);
  const text = (name: string, value: string | undefined) => (value ? [`  ${name} = ${JSON.stringify(value)}`] : []);
  return [
    'resource "aws_ecs_task_definition" "this" {',
    ...text('family', input.family),
    `  requires_compatibilities = ${JSON.stringify(input.requiresCompatibilities ?? [])}`,
    ...text('network_mode', input.networkMode),
    ...text('cpu', input.cpu),
    ...text('memory', input.memory),
    ...text('execution_role_arn', input.executionRoleArn),
    ...text('task_role_arn', input.taskRoleArn),
    '  container_definitions = <<-JSON',
    ...JSON.stringify(input.containerDefinitions, null, 2)
      .split('\n')
      // What Terraform would take for its own.
      .map(line => `    ${line.replaceAll(/[$%]\{/g, sign => sign[0] + sign)}`),
    '  JSON',
    '}',
  ].join('\n');
}

function steps(from: number, to: number, step: number): number[] {
  return Array.from({ length: (to - from) / step + 1 }, (_, at) => from + at * step);
}

/** Drops undefined, empty texts in lists of arguments stay; empty lists and objects go. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  const kept = Object.entries(value).flatMap(([name, inner]) => {
    const clean = withoutEmpty(inner);
    const isEmpty =
      clean === undefined || clean === '' || (typeof clean === 'object' && clean !== null && Object.keys(clean).length === 0);
    // The value of a variable may be empty.
    return isEmpty && name !== 'value' ? [] : [[name, clean] as const];
  });
  return Object.fromEntries(kept);
}
