// Store a new secret, in the steps of AWS's console. The value lives in this component's state and goes with it.
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import Tiles from '@cloudscape-design/components/tiles';
import Wizard from '@cloudscape-design/components/wizard';
import { useState } from 'react';
import { useNavigate } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli, file } from '../../aws/cli';
import { secretsManager } from '../../aws/clients';
import { CliCommand } from '../../components/CliCommand';
import { ErrorAlert } from '../../components/ErrorAlert';
import { asTags, TagRows, type Tag } from '../../components/Tags';
import { useSubmit, type Submit } from '../../components/useSubmit';
import { Page } from '../../frame/page';
import { DEFAULT_KEY, KeySelect } from './KeySelect';
import { RegionSelect } from './SecretReplicas';
import { ROTATES } from './SecretRotation';
import { draftProblem, NEW_DRAFT, PairRows, storedText, type Draft } from './PairRows';

interface About {
  name: string;
  description: string;
  tags: Tag[];
  key: string;
  replicas: string[];
}

type Field = 'replicas' | 'key' | 'description' | 'tags' | 'value' | 'name';

const FIELDS: Record<Field, RegExp> = {
  replicas: /replica|region/i,
  key: /kms|\bkey (id|arn)|encrypt/i,
  description: /description/i,
  tags: /\btags?\b/i,
  value: /secret ?(string|binary|value)|65536|\bvalue\b/i,
  name: /\bname\b|ResourceExists|already exists|scheduled for deletion/i,
};
/** The step on which a field is. */
const STEPS: Record<Field, number> = { value: 0, key: 0, name: 1, description: 1, tags: 1, replicas: 1 };

export function StoreSecretPage() {
  const navigate = useNavigate();
  const submit = useSubmit<Field>(FIELDS);
  const [step, setStep] = useState(0);
  const [tried, setTried] = useState(false);
  const [draft, setDraft] = useState<Draft>(NEW_DRAFT);
  const [about, setAbout] = useState<About>({ name: '', description: '', tags: [], key: DEFAULT_KEY, replicas: [] });
  const change = (part: Partial<About>) => setAbout(before => ({ ...before, ...part }));
  const problems = [draftProblem(draft), about.name.trim() ? undefined : 'Give the secret a name.'];
  const goTo = (wanted: number) => {
    const stopped = problems.findIndex((problem, at) => problem && at < wanted);
    setTried(stopped >= 0);
    setStep(stopped >= 0 ? stopped : wanted);
  };
  const store = () =>
    submit.run(async () => {
      const { ARN } = await secretsManager().send(
        new CreateSecretCommand({
          Name: about.name.trim(),
          Description: about.description || undefined,
          KmsKeyId: about.key === DEFAULT_KEY ? undefined : about.key,
          SecretString: storedText(draft),
          Tags: asTags(about.tags),
          AddReplicaRegions: about.replicas.length ? about.replicas.map(Region => ({ Region })) : undefined,
        }),
      );
      setDraft(NEW_DRAFT);
      void navigate(paths.secret(ARN ?? about.name), { state: { stored: true } });
    });
  const field = submit.field;
  return (
    <Page title="Store a new secret" crumbs={[{ text: 'Secrets', path: paths.secrets() }, { text: 'Store a new secret' }]}>
      <Wizard
        activeStepIndex={step}
        onNavigate={({ detail }) => goTo(detail.requestedStepIndex)}
        onCancel={() => void navigate(paths.secrets())}
        onSubmit={() => void store()}
        isLoadingNextStep={submit.working}
        submitButtonText="Store"
        steps={[
          {
            title: 'Choose secret type',
            content: <ValueStep draft={draft} onDraft={setDraft} about={about} change={change} problem={tried ? problems[0] : undefined} submit={submit} />,
          },
          {
            title: 'Configure secret',
            content: <AboutStep about={about} change={change} problem={tried ? problems[1] : undefined} submit={submit} />,
          },
          { title: 'Configure rotation', isOptional: true, content: <RotationStep /> },
          {
            title: 'Review',
            content: (
              <SpaceBetween size="l">
                {field && (
                  <Alert type="error" header="The secret was not stored" action={<Button onClick={() => setStep(STEPS[field])}>Go to the field</Button>}>
                    {submit.at(field)}
                  </Alert>
                )}
                {submit.rest !== undefined && <ErrorAlert error={submit.rest} header="The secret was not stored" />}
                <Review draft={draft} about={about} goTo={goTo} />
              </SpaceBetween>
            ),
          },
        ]}
      />
    </Page>
  );
}

interface StepProps {
  about: About;
  change: (part: Partial<About>) => void;
  problem?: string;
  submit: Submit<Field>;
}

function ValueStep({ draft, onDraft, about, change, problem, submit }: StepProps & { draft: Draft; onDraft: (draft: Draft) => void }) {
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">Secret type</Header>}>
        <Tiles
          ariaLabel="Secret type"
          value="other"
          items={[
            {
              value: 'other',
              label: 'Other type of secret',
              description: 'The login of a registry, an API key, or any other text. Types for databases are not offered: they only differ by rotation.',
            },
          ]}
        />
      </Container>
      <Container
        header={
          <Header variant="h2" description="For a private registry: the keys username and password, exactly so.">
            Key/value pairs
          </Header>
        }
      >
        <PairRows draft={draft} onChange={onDraft} error={submit.at('value') ?? problem} />
      </Container>
      <Container>
        <KeySelect value={about.key} onChange={key => change({ key })} error={submit.at('key')} />
      </Container>
    </SpaceBetween>
  );
}

function AboutStep({ about, change, problem, submit }: StepProps) {
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">Secret name and description</Header>}>
        <SpaceBetween size="l">
          <FormField
            label="Secret name"
            description="How you find it. It gets six more characters in its ARN, so that a name can be used again."
            constraintText="1 to 512 letters, digits and the characters /_+=.@-"
            errorText={submit.at('name') ?? problem}
          >
            <Input value={about.name} placeholder="registry/login" autoComplete={false} spellcheck={false} onChange={({ detail }) => change({ name: detail.value })} />
          </FormField>
          <FormField label={<span>Description <i>- optional</i></span>} constraintText="Up to 2,048 characters." errorText={submit.at('description')}>
            <Textarea value={about.description} rows={2} onChange={({ detail }) => change({ description: detail.value })} />
          </FormField>
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">Tags</Header>}>
        <SpaceBetween size="s">
          <TagRows tags={about.tags} onChange={tags => change({ tags })} />
          {submit.at('tags') && <FormField errorText={submit.at('tags')} />}
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">Replicas</Header>}>
        <RegionSelect value={about.replicas} onChange={replicas => change({ replicas })} error={submit.at('replicas')} />
      </Container>
    </SpaceBetween>
  );
}

function RotationStep() {
  return (
    <Container header={<Header variant="h2">Automatic rotation</Header>}>
      <SpaceBetween size="s">
        <KeyValuePairs items={[{ label: 'Automatic rotation', value: 'Off' }]} />
        <Box>{ROTATES} Once the secret is there, rotation can be turned on at its page.</Box>
        <Box>
          Without rotation, store a new version on the page of the secret: tasks that start after that get it, and the one
          before stays as AWSPREVIOUS.
        </Box>
      </SpaceBetween>
    </Container>
  );
}

function Review({ draft, about, goTo }: { draft: Draft; about: About; goTo: (step: number) => void }) {
  const edit = (step: number) => <Button onClick={() => goTo(step)}>Edit</Button>;
  const keys = draft.pairs.flatMap(({ key }) => key || []);
  const tags = asTags(about.tags);
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2" actions={edit(0)}>Secret type</Header>}>
        <KeyValuePairs
          columns={3}
          items={[
            { label: 'Type', value: 'Other type of secret' },
            { label: draft.form === 'rows' ? 'Keys' : 'Form', value: <span className="break">{draft.form === 'rows' ? keys.join(', ') : 'Plaintext'}</span> },
            { label: 'Encryption key', value: <span className="break">{about.key.replace(/^alias\//, '')}</span> },
          ]}
        />
      </Container>
      <Container header={<Header variant="h2" actions={edit(1)}>Secret name and description</Header>}>
        <KeyValuePairs
          columns={3}
          items={[
            { label: 'Name', value: <span className="break">{about.name}</span> },
            { label: 'Description', value: <span className="break">{about.description || '-'}</span> },
            { label: 'Replicas', value: about.replicas.join(', ') || '-' },
            { label: 'Tags', value: <span className="break">{tags?.map(({ Key, Value }) => `${Key}=${Value}`).join(', ') ?? '-'}</span> },
          ]}
        />
      </Container>
      <Container header={<Header variant="h2" actions={edit(2)}>Rotation</Header>}>
        <KeyValuePairs items={[{ label: 'Automatic rotation', value: 'Off' }]} />
      </Container>
      <CliCommand
        note="Write the value into secret.json first. It is not shown here, nor kept by this page."
        command={cli('secretsmanager create-secret', {
          name: about.name.trim(),
          description: about.description,
          'kms-key-id': about.key === DEFAULT_KEY ? undefined : about.key,
          'secret-string': file('secret.json'),
          tags: tags?.map(({ Key, Value }) => `Key=${Key},Value=${Value}`),
          'add-replica-regions': about.replicas.map(region => `Region=${region}`),
        })}
        terraform={terraform(about)}
      />
    </SpaceBetween>
  );
}

function terraform({ name, description, key, tags, replicas }: About): string {
  const lines = [`  name        = ${JSON.stringify(name.trim())}`];
  if (description) lines.push(`  description = ${JSON.stringify(description)}`);
  if (key !== DEFAULT_KEY) lines.push(`  kms_key_id  = ${JSON.stringify(key)}`);
  const named = asTags(tags);
  if (named) lines.push(`  tags = {\n${named.map(({ Key, Value }) => `    ${JSON.stringify(Key)} = ${JSON.stringify(Value)}`).join('\n')}\n  }`);
  for (const region of replicas) lines.push(`  replica {\n    region = ${JSON.stringify(region)}\n  }`);
  return `resource "aws_secretsmanager_secret" "this" {
${lines.join('\n')}
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id     = aws_secretsmanager_secret.this.id
  secret_string = file("secret.json")
}`;
}
