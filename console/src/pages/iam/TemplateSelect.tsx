// Something to begin a policy with. For a secret, its key is looked up too.
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import FormField from '@cloudscape-design/components/form-field';
import Grid from '@cloudscape-design/components/grid';
import Select from '@cloudscape-design/components/select';
import { useEffect, useRef, useState } from 'react';

import { told } from '../../aws/errors';
import { kms } from '../../aws/clients';
import { session } from '../../aws/session';
import { useLive } from '../../aws/useLive';
import { describeSecret, secrets } from '../secrets/data';
import { EMPTY_POLICY, readSecretPolicy, runTasksPolicy, writeLogsPolicy } from './templates';

const TEMPLATES = [
  { value: 'empty', label: 'An empty statement' },
  { value: 'secret', label: 'Read the login of a registry', description: 'GetSecretValue on one secret, and Decrypt on its key if that is your own' },
  { value: 'logs', label: 'Write logs', description: 'For a task execution role' },
  { value: 'run', label: 'Run tasks', description: 'RunTask, and PassRole to ECS tasks' },
];

/** The ARN of the customer managed key that a secret is under. */
export async function keyOfSecret(arn: string): Promise<string | undefined> {
  const { KmsKeyId } = await describeSecret(arn);
  if (!KmsKeyId) return undefined;
  const { KeyMetadata } = await kms().send(new DescribeKeyCommand({ KeyId: KmsKeyId }));
  return KeyMetadata?.KeyManager === 'CUSTOMER' ? KeyMetadata.Arn : undefined;
}

interface TemplateSelectProps {
  /** The ARN of a secret to begin with. */
  secret?: string;
  onChoose: (document: string) => void;
}

export function TemplateSelect({ secret, onChoose }: TemplateSelectProps) {
  const [template, setTemplate] = useState(secret ? 'secret' : 'empty');
  const [chosen, setChosen] = useState(secret);
  const [problem, setProblem] = useState<string>();
  const live = useLive(() => (template === 'secret' ? secrets() : Promise.resolve([])), [template], { every: 10_000 });
  const options = (live.data ?? []).map(({ ARN, Name }) => ({ value: ARN, label: Name, description: ARN }));
  const choose = useRef(onChoose);
  choose.current = onChoose;
  useEffect(() => {
    if (template !== 'secret' || !chosen) return undefined;
    let over = false;
    setProblem(undefined);
    keyOfSecret(chosen).then(
      key => over || choose.current(readSecretPolicy(chosen, key)),
      error => {
        if (over) return;
        choose.current(readSecretPolicy(chosen));
        setProblem(`Its key could not be looked up, so the policy does not name it. ${told(error).message}`);
      },
    );
    return () => {
      over = true;
    };
  }, [template, chosen]);
  const take = (value: string | undefined) => {
    setTemplate(value ?? 'empty');
    const { region, account } = session();
    if (value === 'empty') onChoose(EMPTY_POLICY);
    if (value === 'logs') onChoose(writeLogsPolicy(region, account));
    if (value === 'run') onChoose(runTasksPolicy(account));
  };
  return (
    <Grid gridDefinition={[6, 6].map(colspan => ({ colspan: { default: 12, s: colspan } }))}>
      <FormField label="Begin with">
        <Select selectedOption={TEMPLATES.find(({ value }) => value === template) ?? null} options={TEMPLATES} onChange={({ detail }) => take(detail.selectedOption.value)} />
      </FormField>
      {template === 'secret' && (
        <FormField label="Secret" warningText={problem}>
          <Select
            selectedOption={chosen ? (options.find(({ value }) => value === chosen) ?? { value: chosen, label: chosen }) : null}
            options={options}
            filteringType="auto"
            placeholder="Choose a secret"
            empty="No secrets yet."
            statusType={live.error === undefined ? (live.loading ? 'loading' : 'finished') : 'error'}
            errorText={live.error === undefined ? undefined : told(live.error).message}
            loadingText="Looking for secrets"
            onChange={({ detail }) => setChosen(detail.selectedOption.value)}
          />
        </FormField>
      )}
    </Grid>
  );
}
