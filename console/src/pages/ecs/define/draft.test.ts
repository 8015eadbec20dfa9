// What the form of a task definition finds, keeps and says.
import { expect, test } from 'vitest';

import { draftOf, fieldOf, inputOf, newDraft, platformOf, problemsOf, SIZES, STEP, stepOf, terraformOf, type Draft } from './draft';

const good: Draft = {
  ...newDraft(),
  family: 'web',
  executionRoleArn: 'arn:aws:iam::123456789012:role/exec',
  containerDefinitions: [
    {
      name: 'web',
      image: 'registry.example/web:1',
      repositoryCredentials: { credentialsParameter: 'arn:secret' },
      portMappings: [{ containerPort: 80 }],
    },
  ],
};

test('a good draft has no problems, and each mistake stands at its field', () => {
  expect(problemsOf(good)).toEqual({});
  const [container] = good.containerDefinitions!;
  const wrong = (change: Partial<Draft>) => Object.keys(problemsOf({ ...good, ...change }));
  const inContainer = (change: object) => wrong({ containerDefinitions: [{ ...container, ...change }] });
  expect(wrong({ family: 'a b' })).toEqual(['family']);
  expect(wrong({ executionRoleArn: '' })).toEqual(['executionRoleArn']);
  expect(wrong({ containerDefinitions: [] })).toEqual(['']);
  expect(inContainer({ name: '' })).toEqual(['containers.0.name']);
  expect(inContainer({ image: 'a b' })).toEqual(['containers.0.image']);
  expect(inContainer({ repositoryCredentials: { credentialsParameter: '' } })).toEqual(['containers.0.credentials']);
  expect(inContainer({ portMappings: [{ containerPort: 80 }, { containerPort: 70_000 }] })).toEqual(['containers.0.port.1']);
  expect(inContainer({ essential: false })).toEqual(['']);
  expect(wrong({ containerDefinitions: [container!, container!] })).toEqual(['containers.1.name']);
});

test('the first step with a mistake is known', () => {
  const of = (draft: Partial<Draft>) => stepOf(problemsOf({ ...good, ...draft }));
  expect(of({})).toBeUndefined();
  expect(of({ containerDefinitions: [] })).toBe(STEP.containers);
  expect(of({ containerDefinitions: [{ name: 'a' }] })).toBe(STEP.containers);
  // What the containers need can be missing on the step before them.
  expect(of({ executionRoleArn: '' })).toBe(STEP.task);
  expect(of({ family: '', containerDefinitions: [{}] })).toBe(STEP.task);
});

test("the server's refusals find their field", () => {
  expect(fieldOf("Invalid 'cpu' setting for task. For more information, see …", good)).toBe('cpu');
  expect(fieldOf('No Fargate configuration exists for given values: 300 CPU, 512 memory. See …', good)).toBe('cpu');
  expect(fieldOf('Container.image should not be null or empty.', good)).toBe('containers.0.image');
  expect(fieldOf('Role is not valid', good)).toBe('executionRoleArn');
  expect(fieldOf('Something else.', good)).toBe('');
});

test('what is empty is left out, what the form does not know is kept', () => {
  const draft: Draft = {
    ...good,
    taskRoleArn: '',
    volumes: [],
    ephemeralStorage: { sizeInGiB: 30 },
    containerDefinitions: [{ name: 'a', image: 'b', environment: [{ name: 'EMPTY', value: '' }], command: [] }],
  };
  const input = inputOf(draft);
  expect(input.taskRoleArn).toBeUndefined();
  expect(input.volumes).toBeUndefined();
  expect(input.ephemeralStorage).toEqual({ sizeInGiB: 30 });
  expect(input.containerDefinitions).toEqual([{ name: 'a', image: 'b', environment: [{ name: 'EMPTY', value: '' }] }]);
});

test('a new revision begins with the old one, without what the server wrote into it', () => {
  const draft = draftOf({ ...inputOf(good), taskDefinitionArn: 'arn', revision: 3, status: 'ACTIVE', compatibilities: ['EC2'] });
  expect(draft).toEqual(inputOf(good));
});

test('a platform that nobody chose is that of Fargate', () => {
  expect(platformOf(newDraft())).toBe('LINUX/X86_64');
  expect(platformOf({ runtimePlatform: { cpuArchitecture: 'ARM64' } })).toBe('LINUX/ARM64');
});

test('sizes are those of Fargate, and Terraform keeps its hands off templates', () => {
  expect(SIZES.map(({ memory }) => memory.length)).toEqual([3, 4, 7, 13, 23, 12, 12]);
  const [container] = good.containerDefinitions!;
  const shell = { ...good, containerDefinitions: [{ ...container, command: ['echo ${HOME}'] }] };
  expect(terraformOf(shell)).toContain('echo $${HOME}');
});
