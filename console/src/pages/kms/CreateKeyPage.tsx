// Create a key: what it is called, who administers it, who uses it, and the policy that says so.
import { CreateAliasCommand, CreateKeyCommand } from '@aws-sdk/client-kms';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Multiselect from '@cloudscape-design/components/multiselect';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMemo, useState } from 'react';
import { useNavigate } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli, file } from '../../aws/cli';
import { kms } from '../../aws/clients';
import { session } from '../../aws/session';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { CreateForm } from '../../components/CreateForm';
import { JsonEditor, useCheck } from '../../components/JsonEditor';
import { asKmsTags, TagRows, type Tag } from '../../components/Tags';
import { useSubmit } from '../../components/useSubmit';
import { useNotifications } from '../../frame/notifications';
import { Page } from '../../frame/page';
import { principals } from '../iam/data';
import { checkResourcePolicy } from '../iam/check';
import { keyPolicyFor } from './keyPolicy';

const FIELDS = {
  alias: /alias/i,
  policy: /MalformedPolicy|polic|principal/i,
  tags: /\btags?\b/i,
  description: /description/i,
};

export function CreateKeyPage() {
  const navigate = useNavigate();
  const submit = useSubmit(FIELDS);
  const { success, failure } = useNotifications();
  const [alias, setAlias] = useState('');
  const [description, setDescription] = useState('');
  const [tags, setTags] = useState<Tag[]>([]);
  const [administrators, setAdministrators] = useState<string[]>([]);
  const [users, setUsers] = useState<string[]>([]);
  const made = useMemo(() => keyPolicyFor(session().account, administrators, users), [administrators, users]);
  const [written, setWritten] = useState<string>();
  const policy = written ?? made;
  const check = useCheck(policy, checkResourcePolicy);
  const name = alias && `alias/${alias.replace(/^alias\//, '')}`;
  const create = () =>
    submit.run(async () => {
      const { KeyMetadata } = await kms().send(new CreateKeyCommand({ Description: description || undefined, Policy: policy, Tags: asKmsTags(tags) }));
      const id = KeyMetadata?.KeyId ?? '';
      try {
        if (name) await kms().send(new CreateAliasCommand({ AliasName: name, TargetKeyId: id }));
        success(<>The key {alias || id} is there.</>);
      } catch (error) {
        // The key is there already; a second one would be too many.
        failure(error, `The key ${id} is there, but it did not get its alias`);
      }
      void navigate(paths.key(id));
    });
  return (
    <Page title="Create key" crumbs={[{ text: 'KMS keys', path: paths.keys() }, { text: 'Create key' }]}>
      <CreateForm what="key" back={paths.keys()} submit={submit} disabled={check.state === 'bad' || check.state === 'empty'} onCreate={create}>
        <Container header={<Header variant="h2">Key</Header>}>
          <SpaceBetween size="l">
            <KeyValuePairs
              columns={3}
              items={[
                { label: 'Type', value: 'Symmetric' },
                { label: 'Use', value: 'Encrypt and decrypt' },
                { label: 'Material', value: 'Made by this server, sealed by its master key' },
              ]}
            />
            <FormField label="Alias" description="The name by which you find it." constraintText="Letters, digits and /_-; it may not begin with aws/." errorText={submit.at('alias')}>
              <Input value={alias} placeholder="registry" autoComplete={false} onChange={({ detail }) => setAlias(detail.value)} />
            </FormField>
            <FormField label={<span>Description <i>- optional</i></span>} errorText={submit.at('description')}>
              <Input value={description} onChange={({ detail }) => setDescription(detail.value)} />
            </FormField>
            <FormField label="Tags" stretch errorText={submit.at('tags')}>
              <TagRows tags={tags} onChange={setTags} />
            </FormField>
          </SpaceBetween>
        </Container>
        <Container header={<Header variant="h2">Who may do what</Header>}>
          <SpaceBetween size="l">
            <Principals label="Administrators" description="May change and delete it, but not decrypt with it." value={administrators} onChange={setAdministrators} />
            <Principals label="Users" description="May encrypt and decrypt: name the task execution role here." value={users} onChange={setUsers} />
          </SpaceBetween>
        </Container>
        <Container
          header={
            <Header
              variant="h2"
              description="Made of the choices above. What you write here counts."
              actions={
                written !== undefined && (
                  <Button formAction="none" onClick={() => setWritten(undefined)}>
                    Make it anew
                  </Button>
                )
              }
            >
              Key policy
            </Header>
          }
        >
          <SpaceBetween size="s">
            <JsonEditor
              label="Key policy"
              value={policy}
              check={check}
              error={submit.at('policy')}
              onChange={text => {
                submit.clear();
                setWritten(text);
              }}
            />
            <Box color="text-body-secondary">The first statement gives the account’s root the key, so that policies of roles and users may grant it.</Box>
          </SpaceBetween>
        </Container>
        <CliCommand
          note="Write the policy into policy.json first."
          command={[
            cli('kms create-key', { description, policy: file('policy.json'), tags: asKmsTags(tags) }),
            ...(name ? [cli('kms create-alias', { 'alias-name': name, 'target-key-id': 'THE-NEW-KEY-ID' })] : []),
          ].join('\n')}
          terraform={terraform(name, description)}
        />
      </CreateForm>
    </Page>
  );
}

interface PrincipalsProps {
  label: string;
  description: string;
  value: string[];
  onChange: (arns: string[]) => void;
}

function Principals({ label, description, value, onChange }: PrincipalsProps) {
  const live = useLive(principals, [], { every: 15_000 });
  const options = (live.data ?? []).map(({ arn, name, kind }) => ({ value: arn, label: name, description: arn, labelTag: kind }));
  return (
    <FormField label={<span>{label} <i>- optional</i></span>} description={description}>
      <Multiselect
        selectedOptions={value.map(arn => options.find(option => option.value === arn) ?? { value: arn, label: arn })}
        options={options}
        filteringType="auto"
        placeholder="Users and roles"
        empty="No users or roles yet."
        statusType={live.loading ? 'loading' : 'finished'}
        loadingText="Looking for users and roles"
        deselectAriaLabel={({ label }) => `Take ${label} away`}
        onChange={({ detail }) => onChange(detail.selectedOptions.flatMap(option => option.value ?? []))}
      />
    </FormField>
  );
}

function terraform(alias: string, description: string): string {
  const key = `resource "aws_kms_key" "this" {
  description = ${JSON.stringify(description)}
  policy      = file("policy.json")
}`;
  return alias
    ? `${key}

resource "aws_kms_alias" "this" {
  name          = ${JSON.stringify(alias)}
  target_key_id = aws_kms_key.this.key_id
}`
    : key;
}
