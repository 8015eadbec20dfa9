// Under which key of KMS a secret is stored.
import FormField from '@cloudscape-design/components/form-field';
import Select, { type SelectProps } from '@cloudscape-design/components/select';

import { paths } from '../../aws/arn';
import { useLive } from '../../aws/useLive';
import { told } from '../../aws/errors';
import { To } from '../../components/To';
import { keys, nameOf } from '../kms/data';

/** What is used when no key is named. */
export const DEFAULT_KEY = 'alias/aws/secretsmanager';

interface KeySelectProps {
  /** A key's ARN, id or alias. */
  value: string;
  onChange: (value: string) => void;
  error?: string;
}

export function KeySelect({ value, onChange, error }: KeySelectProps) {
  const live = useLive(keys, [], { every: 15_000 });
  const own = (live.data ?? []).filter(key => key.KeyManager === 'CUSTOMER' && key.KeyUsage === 'ENCRYPT_DECRYPT' && key.KeySpec === 'SYMMETRIC_DEFAULT');
  const options: SelectProps.Option[] = [
    { value: DEFAULT_KEY, label: 'aws/secretsmanager', description: 'The account’s own key for secrets; whoever may read the secret may use it.' },
    ...own.map(key => ({
      value: key.Arn,
      label: nameOf(key),
      description: key.KeyId,
      disabled: key.KeyState !== 'Enabled',
      disabledReason: `This key is ${key.KeyState}.`,
      labelTag: key.KeyState === 'Enabled' ? undefined : key.KeyState,
    })),
  ];
  const selected = options.find(option => option.value === value || option.description === value || option.label === value.replace(/^alias\//, ''));
  return (
    <FormField
      label="Encryption key"
      description="Whoever reads a secret under a key of your own also needs kms:Decrypt on that key."
      secondaryControl={<To path={paths.createKey()}>Create a key</To>}
      errorText={error}
      warningText={live.error === undefined ? undefined : `Your keys cannot be listed: ${told(live.error).message}`}
    >
      <Select
        selectedOption={selected ?? { value, label: value }}
        options={options}
        filteringType="auto"
        statusType={live.loading ? 'loading' : 'finished'}
        loadingText="Looking for keys"
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? DEFAULT_KEY)}
      />
    </FormField>
  );
}
