// Create a role: who may be it (tasks of ECS, unless told), what it may do, what it is called.
import { AttachRolePolicyCommand, CreateRoleCommand } from '@aws-sdk/client-iam';
import Alert from '@cloudscape-design/components/alert';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tiles from '@cloudscape-design/components/tiles';
import { useState } from 'react';
import { useSearchParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli, file } from '../../aws/cli';
import { iam } from '../../aws/clients';
import { session } from '../../aws/session';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { CreateForm } from '../../components/CreateForm';
import { JsonEditor, useCheck } from '../../components/JsonEditor';
import { asTags, TagRows, type Tag } from '../../components/Tags';
import { To } from '../../components/To';
import { useSubmit } from '../../components/useSubmit';
import { useNotifications } from '../../frame/notifications';
import { Page } from '../../frame/page';
import { PolicySelect } from './PoliciesPanel';
import { trustAccount, trustService } from './templates';

type Use = 'task' | 'account' | 'own';

const TASKS = 'ecs-tasks.amazonaws.com';
const FIELDS = {
  name: /EntityAlreadyExists|rolename/i,
  trust: /MalformedPolicy|assumerolepolicydocument|principal|syntax/i,
  tags: /\btags?\b/i,
  description: /description/i,
};

export function CreateRolePage() {
  const [search] = useSearchParams();
  const submit = useSubmit(FIELDS);
  const { failure } = useNotifications();
  const [use, setUse] = useState<Use>('task');
  const [trust, setTrust] = useState(() => trustService(TASKS));
  const [policies, setPolicies] = useState<string[]>(() => search.getAll('policy'));
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [tags, setTags] = useState<Tag[]>([]);
  const [done, setDone] = useState<string>();
  const check = useCheck(trust);
  const choose = (wanted: Use) => {
    setUse(wanted);
    if (wanted === 'task') setTrust(trustService(TASKS));
    if (wanted === 'account') setTrust(trustAccount(session().account));
  };
  const create = () =>
    submit.run(async () => {
      const { Role } = await iam().send(
        new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: trust, Description: description || undefined, Tags: asTags(tags) }),
      );
      for (const PolicyArn of policies) {
        try {
          await iam().send(new AttachRolePolicyCommand({ RoleName: name, PolicyArn }));
        } catch (error) {
          // The role is there already; the rest is done on its page.
          failure(error, `The role is there, but ${PolicyArn} is not attached to it`);
        }
      }
      setDone(Role?.Arn);
    });
  const crumbs = [{ text: 'Roles', path: paths.roles() }, { text: 'Create role' }];
  if (done) {
    return (
      <Page title="Create role" crumbs={crumbs}>
        <Alert type="success" header={`The role ${name} is there`}>
          <SpaceBetween size="xs">
            <div>
              Its ARN: <Copy text={done} label="ARN of the new role" shown />
            </div>
            <div>
              Next: name it as the task execution role of <To path={paths.createTaskDefinition()}>a task definition</To>. Look at{' '}
              <To path={paths.role(name)}>the role</To>.
            </div>
          </SpaceBetween>
        </Alert>
      </Page>
    );
  }
  return (
    <Page title="Create role" crumbs={crumbs}>
      <CreateForm what="role" back={paths.roles()} submit={submit} disabled={!name || check.state === 'bad' || check.state === 'empty'} onCreate={create}>
        <Container header={<Header variant="h2">Who may be the role</Header>}>
          <SpaceBetween size="m">
            <Tiles
              ariaLabel="Who may be the role"
              value={use}
              onChange={({ detail }) => choose(detail.value as Use)}
              items={[
                { value: 'task', label: 'Elastic Container Service Task', description: 'Tasks: to read their registry’s login and secrets, write logs, or call AWS.' },
                { value: 'account', label: 'This account', description: 'Users and roles of the account whose policies allow sts:AssumeRole on it.' },
                { value: 'own', label: 'Custom trust policy', description: 'Written by yourself.' },
              ]}
            />
            <JsonEditor
              label="Trust policy"
              value={trust}
              check={check}
              error={submit.at('trust')}
              onChange={text => {
                submit.clear();
                setUse('own');
                setTrust(text);
              }}
            />
          </SpaceBetween>
        </Container>
        <Container header={<Header variant="h2" description="A task execution role needs to read the registry’s login, and to write logs.">What it may do</Header>}>
          <PolicySelect value={policies} onChange={setPolicies} />
        </Container>
        <Container header={<Header variant="h2">Role details</Header>}>
          <SpaceBetween size="l">
            <FormField label="Role name" constraintText="1 to 64 letters, digits and the characters +=,.@-_" errorText={submit.at('name')}>
              <Input value={name} placeholder="taskExecutionRole" autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
            </FormField>
            <FormField label={<span>Description <i>- optional</i></span>} errorText={submit.at('description')}>
              <Input value={description} onChange={({ detail }) => setDescription(detail.value)} />
            </FormField>
            <FormField label="Tags" stretch errorText={submit.at('tags')}>
              <TagRows tags={tags} onChange={setTags} />
            </FormField>
          </SpaceBetween>
        </Container>
        <CliCommand
          note="Write the trust policy into trust.json first."
          command={[
            cli('iam create-role', { 'role-name': name, description, 'assume-role-policy-document': file('trust.json'), tags: asTags(tags) }),
            ...policies.map(arn => cli('iam attach-role-policy', { 'role-name': name, 'policy-arn': arn })),
          ].join('\n')}
          terraform={terraform(name, policies)}
        />
      </CreateForm>
    </Page>
  );
}

function terraform(name: string, policies: string[]): string {
  const role = `resource "aws_iam_role" "this" {
  name               = ${JSON.stringify(name)}
  assume_role_policy = file("trust.json")
}`;
  if (policies.length === 0) return role;
  return `${role}

resource "aws_iam_role_policy_attachment" "this" {
  for_each   = toset(${JSON.stringify(policies)})
  role       = aws_iam_role.this.name
  policy_arn = each.value
}`;
}
