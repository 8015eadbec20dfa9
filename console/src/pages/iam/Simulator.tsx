// "May this role read this secret?": asked of the server's own evaluation, with the statements that decide.
import { SimulatePrincipalPolicyCommand, type EvaluationResult } from '@aws-sdk/client-iam';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Grid from '@cloudscape-design/components/grid';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';

import { paths } from '../../aws/arn';
import { cli } from '../../aws/cli';
import { iam } from '../../aws/clients';
import { told } from '../../aws/errors';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { ErrorAlert } from '../../components/ErrorAlert';
import { ArnLink, To } from '../../components/To';
import { secretPolicy, secrets } from '../secrets/data';
import { policyDocument } from './data';
import { attached, inlineDocument, type Owner } from './owners';
import { statementsAbout } from './statements';
import { keyOfSecret } from './TemplateSelect';

const READ = 'secretsmanager:GetSecretValue';
const DECRYPT = 'kms:Decrypt';

/** A policy that spoke, with what it said. */
interface Source {
  name: string;
  /** Of a managed policy. */
  arn?: string;
  statements: string[];
}

/** One question, and what is known about its answer. */
interface Answer {
  action: string;
  resource: string;
  decision: string;
  sources: Source[];
  missing: string[];
}

export function Simulator({ principal, owner }: { principal: string; owner: Owner }) {
  const [kind, setKind] = useState<'secret' | 'other'>('secret');
  const [secret, setSecret] = useState<string>();
  const [action, setAction] = useState('');
  const [resource, setResource] = useState('*');
  const [answers, setAnswers] = useState<Answer[]>();
  const [error, setError] = useState<unknown>();
  const [working, setWorking] = useState(false);
  const live = useLive(() => (kind === 'secret' ? secrets() : Promise.resolve([])), [kind], { every: 10_000 });
  const options = (live.data ?? []).map(({ ARN, Name }) => ({ value: ARN, label: Name, description: ARN }));
  const ask = async () => {
    setWorking(true);
    setError(undefined);
    setAnswers(undefined);
    try {
      setAnswers(kind === 'secret' ? await readsSecret(principal, owner, secret ?? '') : await mayDo(principal, owner, action, resource));
    } catch (refused) {
      setError(refused);
    } finally {
      setWorking(false);
    }
  };
  const ready = kind === 'secret' ? secret !== undefined : action.includes(':') && resource !== '';
  return (
    <Container header={<Header variant="h2" description="Nothing is done: the server only says how it would decide.">May this {owner.kind} …?</Header>}>
      <SpaceBetween size="m">
        <Grid gridDefinition={[3, 6, 3].map(colspan => ({ colspan: { default: 12, s: colspan } }))}>
          <FormField label="Question">
            <Select
              selectedOption={kind === 'secret' ? { value: 'secret', label: 'read this secret' } : { value: 'other', label: 'do something else' }}
              options={[
                { value: 'secret', label: 'read this secret' },
                { value: 'other', label: 'do something else' },
              ]}
              onChange={({ detail }) => {
                setAnswers(undefined);
                setKind(detail.selectedOption.value === 'other' ? 'other' : 'secret');
              }}
            />
          </FormField>
          {kind === 'secret' ? (
            <FormField label="Secret to read">
              <Select
                selectedOption={options.find(({ value }) => value === secret) ?? null}
                options={options}
                filteringType="auto"
                placeholder="Choose a secret"
                empty="No secrets yet."
                statusType={live.error === undefined ? (live.loading ? 'loading' : 'finished') : 'error'}
                errorText={live.error === undefined ? undefined : told(live.error).message}
                loadingText="Looking for secrets"
                onChange={({ detail }) => setSecret(detail.selectedOption.value)}
              />
            </FormField>
          ) : (
            <Grid gridDefinition={[5, 7].map(colspan => ({ colspan: { default: 12, s: colspan } }))}>
              <FormField label="Action">
                <Input value={action} placeholder="ecs:RunTask" autoComplete={false} onChange={({ detail }) => setAction(detail.value)} />
              </FormField>
              <FormField label="Resource">
                <Input value={resource} autoComplete={false} onChange={({ detail }) => setResource(detail.value)} />
              </FormField>
            </Grid>
          )}
          <Box margin={{ top: 'xl' }}>
            <Button disabled={!ready} loading={working} onClick={() => void ask()}>
              Ask
            </Button>
          </Box>
        </Grid>
        {error !== undefined && <ErrorAlert error={error} header="It could not be asked" />}
        <div aria-live="polite">{answers && <Answers answers={answers} secret={kind === 'secret' ? secret : undefined} />}</div>
        <CliCommand
          command={cli('iam simulate-principal-policy', {
            'policy-source-arn': principal,
            'action-names': kind === 'secret' ? [READ] : [action],
            'resource-arns': [kind === 'secret' ? (secret ?? '') : resource],
          })}
        />
      </SpaceBetween>
    </Container>
  );
}

const WORDS: Record<string, string> = { allowed: 'Yes', explicitDeny: 'No: a statement denies it', implicitDeny: 'No: no statement allows it' };

function Answers({ answers, secret }: { answers: Answer[]; secret?: string }) {
  return (
    <SpaceBetween size="m">
      {answers.map(({ action, resource, decision, sources, missing }) => (
        <SpaceBetween key={action + resource} size="xxs">
          <StatusIndicator type={decision === 'allowed' ? 'success' : 'error'}>
            <b>{WORDS[decision] ?? decision}</b>: {action}
          </StatusIndicator>
          <Box color="text-body-secondary">
            on <ArnLink arn={resource} />
          </Box>
          {sources.map(({ name, arn, statements }) => (
            <div key={name}>
              <Box>
                by {arn ? <To path={paths.policy(arn)}>{name}</To> : name}
              </Box>
              {statements.map(text => (
                <pre key={text} className="json" tabIndex={0} aria-label={`Statement of ${name}`}>
                  {text}
                </pre>
              ))}
            </div>
          ))}
          {missing.length > 0 && <Box color="text-body-secondary">Conditions that were not given a value here: {missing.join(', ')}.</Box>}
        </SpaceBetween>
      ))}
      {secret && answers.some(({ decision }) => decision !== 'allowed') && (
        <Box>
          What mends it: <To path={paths.createPolicy(secret)}>create a policy that reads this secret</To> and attach it above.
        </Box>
      )}
    </SpaceBetween>
  );
}

/** Whether a secret may be read, and decrypted if its key is one's own. */
async function readsSecret(principal: string, owner: Owner, arn: string): Promise<Answer[]> {
  const [policy, key] = await Promise.all([secretPolicy(arn), keyOfSecret(arn)]);
  const read = await mayDo(principal, owner, READ, arn, policy);
  return key ? [...read, ...(await mayDo(principal, owner, DECRYPT, key))] : read;
}

async function mayDo(PolicySourceArn: string, owner: Owner, action: string, resource: string, ResourcePolicy?: string): Promise<Answer[]> {
  const { EvaluationResults } = await iam().send(
    new SimulatePrincipalPolicyCommand({ PolicySourceArn, ActionNames: [action], ResourceArns: [resource], ResourcePolicy }),
  );
  return Promise.all((EvaluationResults ?? []).map(result => answerOf(result, owner, ResourcePolicy)));
}

async function answerOf(result: EvaluationResult, owner: Owner, resourcePolicy?: string): Promise<Answer> {
  const action = result.EvalActionName ?? '';
  const resource = result.EvalResourceName ?? '*';
  const names = [...new Set((result.MatchedStatements ?? []).flatMap(({ SourcePolicyId }) => SourcePolicyId ?? []))];
  const managed = names.length ? await attached(owner) : [];
  const inline = `${owner.kind}_${owner.name}_`;
  const sources = names.map(async (name): Promise<Source> => {
    const arn = managed.find(({ PolicyName }) => PolicyName === name)?.PolicyArn;
    // The policies of a user's groups are only named.
    const document = arn
      ? await policyDocument(arn)
      : name.startsWith(inline)
        ? await inlineDocument(owner, name.slice(inline.length))
        : name === 'ResourcePolicy'
          ? resourcePolicy
          : undefined;
    return { name, arn, statements: statementsAbout(document ?? '', action, resource) };
  });
  return { action, resource, decision: result.EvalDecision ?? '', sources: await Promise.all(sources), missing: result.MissingContextValues ?? [] };
}
