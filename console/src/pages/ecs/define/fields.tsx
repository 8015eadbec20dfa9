// Fields that several forms have: a role, a secret, a list of arguments.
import Autosuggest from '@cloudscape-design/components/autosuggest';
import FormField from '@cloudscape-design/components/form-field';
import Textarea from '@cloudscape-design/components/textarea';
import type { ReactNode } from 'react';

import type { Choice } from './choices';

interface ChoiceFieldProps {
  label: ReactNode;
  description?: ReactNode;
  /** Where what is missing can be made. */
  secondary?: ReactNode;
  value: string | undefined;
  choices: Choice[] | undefined;
  placeholder: string;
  error?: string;
  onChange: (value: string) => void;
}

/** A name that is chosen from a list, or typed. */
export function ChoiceField({ label, description, secondary, value, choices, placeholder, error, onChange }: ChoiceFieldProps) {
  return (
    <FormField label={label} description={description} secondaryControl={secondary} errorText={error} stretch>
      <Autosuggest
        value={value ?? ''}
        options={(choices ?? []).map(({ value, label, description }) => ({ value, label, description, filteringTags: [label] }))}
        onChange={({ detail }) => onChange(detail.value)}
        placeholder={placeholder}
        enteredTextLabel={text => `Use ${text}`}
        empty="There is nothing to choose from; type an ARN."
        ariaLabel={typeof label === 'string' ? label : placeholder}
      />
    </FormField>
  );
}

interface ArgumentsFieldProps {
  label: string;
  description: string;
  value: string[] | undefined;
  onChange: (value: string[]) => void;
}

/** The arguments of a command, one a line. */
export function ArgumentsField({ label, description, value, onChange }: ArgumentsFieldProps) {
  return (
    <FormField label={label} description={description} stretch>
      <Textarea
        value={(value ?? []).join('\n')}
        rows={3}
        onChange={({ detail }) => onChange(detail.value === '' ? [] : detail.value.split('\n'))}
      />
    </FormField>
  );
}
