// Create a policy: JSON, checked while it is written, with something to begin with.
import { CreatePolicyCommand } from '@aws-sdk/client-iam';
import Alert from '@cloudscape-design/components/alert';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { useSearchParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli, file } from '../../aws/cli';
import { iam } from '../../aws/clients';
import { CliCommand } from '../../components/CliCommand';
import { CreateForm } from '../../components/CreateForm';
import { JsonEditor } from '../../components/JsonEditor';
import { asTags, TagRows, type Tag } from '../../components/Tags';
import { To } from '../../components/To';
import { useSubmit } from '../../components/useSubmit';
import { Page } from '../../frame/page';
import { usePolicyCheck } from './check';
import { EMPTY_POLICY } from './templates';
import { TemplateSelect } from './TemplateSelect';

const FIELDS = {
  name: /EntityAlreadyExists|policyname/i,
  document: /MalformedPolicy|policydocument|syntax|LimitExceeded|size/i,
  tags: /\btags?\b/i,
  description: /description/i,
};

export function CreatePolicyPage() {
  const [search] = useSearchParams();
  const submit = useSubmit(FIELDS);
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [tags, setTags] = useState<Tag[]>([]);
  const [document, setDocument] = useState(EMPTY_POLICY);
  const [done, setDone] = useState<string>();
  const check = usePolicyCheck(document);
  const change = (text: string) => {
    submit.clear();
    setDocument(text);
  };
  const create = () =>
    submit.run(async () => {
      const { Policy } = await iam().send(
        new CreatePolicyCommand({ PolicyName: name, PolicyDocument: document, Description: description || undefined, Tags: asTags(tags) }),
      );
      setDone(Policy?.Arn);
    });
  const crumbs = [{ text: 'Policies', path: paths.policies() }, { text: 'Create policy' }];
  if (done) {
    return (
      <Page title="Create policy" crumbs={crumbs}>
        <Alert type="success" header={`The policy ${name} is there`}>
          Next: <To path={paths.createRole(done)}>create a role for tasks with it</To>, or attach it to{' '}
          <To path={paths.roles()}>a role there is</To>. Look at <To path={paths.policy(done)}>the policy</To>.
        </Alert>
      </Page>
    );
  }
  return (
    <Page title="Create policy" crumbs={crumbs}>
      <CreateForm what="policy" back={paths.policies()} submit={submit} disabled={!name || check.state === 'bad' || check.state === 'empty'} onCreate={create}>
        <Container header={<Header variant="h2">Permissions</Header>}>
          <SpaceBetween size="m">
            <TemplateSelect secret={search.get('secret') ?? undefined} onChoose={change} />
            <JsonEditor label="Policy document" value={document} check={check} error={submit.at('document')} onChange={change} />
          </SpaceBetween>
        </Container>
        <Container header={<Header variant="h2">Policy details</Header>}>
          <SpaceBetween size="l">
            <FormField label="Policy name" constraintText="1 to 128 letters, digits and the characters +=,.@-_" errorText={submit.at('name')}>
              <Input value={name} placeholder="read-registry-login" autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
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
          note="Write the policy into policy.json first."
          command={cli('iam create-policy', { 'policy-name': name, description, 'policy-document': file('policy.json'), tags: asTags(tags) })}
          terraform={`resource "aws_iam_policy" "this" {\n  name   = ${JSON.stringify(name)}\n  policy = file("policy.json")\n}`}
        />
      </CreateForm>
    </Page>
  );
}
