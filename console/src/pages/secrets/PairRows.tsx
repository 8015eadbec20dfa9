// The rows of a secret: keys, and values that are covered until one wants to see them.
import AttributeEditor from '@cloudscape-design/components/attribute-editor';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import FormField from '@cloudscape-design/components/form-field';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import Toggle from '@cloudscape-design/components/toggle';
import { useState } from 'react';

import { jsonProblem, problemText } from '../../components/jsonProblem';
import { LOGIN, pairProblem, pairsOf, pairsProblem, textOf, type Pair } from './pairs';

/** What is being written: rows or a text. One component has it, and it goes away with that. */
export interface Draft {
  form: 'rows' | 'text';
  pairs: Pair[];
  text: string;
}

export const NEW_DRAFT: Draft = { form: 'rows', pairs: LOGIN, text: '' };

export function draftOf(text: string): Draft {
  const pairs = pairsOf(text);
  return pairs ? { form: 'rows', pairs, text } : { form: 'text', pairs: [], text };
}

/** The text to be stored. */
export function storedText(draft: Draft): string {
  return draft.form === 'rows' ? textOf(draft.pairs) : draft.text;
}

export function draftProblem(draft: Draft): string | undefined {
  if (draft.form === 'rows') return pairsProblem(draft.pairs);
  return draft.text === '' ? 'Write the secret.' : undefined;
}

interface PairRowsProps {
  draft: Draft;
  onChange: (draft: Draft) => void;
  /** What the server said, or why it cannot go on. */
  error?: string;
}

export function PairRows({ draft, onChange, error }: PairRowsProps) {
  const toForm = (form: Draft['form']) => {
    if (form === draft.form) return;
    if (form === 'text') {
      onChange({ ...draft, form, text: draft.pairs.some(({ key }) => key) ? JSON.stringify(JSON.parse(textOf(draft.pairs)), null, 2) : '' });
    } else {
      onChange({ ...draft, form, pairs: (draft.text.trim() ? pairsOf(draft.text) : undefined) ?? LOGIN });
    }
  };
  const hasRows = draft.form === 'rows' || !draft.text.trim() || pairsOf(draft.text) !== undefined;
  return (
    <SpaceBetween size="m">
      <SegmentedControl
        label="How to write it"
        selectedId={draft.form}
        onChange={({ detail }) => toForm(detail.selectedId as Draft['form'])}
        options={[
          { id: 'rows', text: 'Key/value', disabled: !hasRows, disabledReason: 'The text is not an object of texts.' },
          { id: 'text', text: 'Plaintext' },
        ]}
      />
      {draft.form === 'rows' ? (
        <Rows pairs={draft.pairs} error={error} onChange={pairs => onChange({ ...draft, pairs })} />
      ) : (
        <Text text={draft.text} error={error} onChange={text => onChange({ ...draft, text })} />
      )}
    </SpaceBetween>
  );
}

function Rows({ pairs, onChange, error }: { pairs: Pair[]; onChange: (pairs: Pair[]) => void; error?: string }) {
  const [seen, setSeen] = useState(false);
  const change = (at: number, part: Partial<Pair>) => onChange(pairs.map((pair, index) => (index === at ? { ...pair, ...part } : pair)));
  return (
    <SpaceBetween size="s">
      <Toggle checked={seen} onChange={({ detail }) => setSeen(detail.checked)}>
        Show the values
      </Toggle>
      <AttributeEditor
        items={pairs}
        empty="No rows."
        addButtonText="Add row"
        removeButtonText="Remove"
        removeButtonAriaLabel={({ key }) => `Remove row ${key}`}
        onAddButtonClick={() => onChange([...pairs, { key: '', value: '' }])}
        onRemoveButtonClick={({ detail }) => onChange(pairs.filter((_, index) => index !== detail.itemIndex))}
        definition={[
          {
            label: 'Key',
            control: ({ key }, at) => (
              <Input value={key} ariaLabel={`Key ${at + 1}`} autoComplete={false} spellcheck={false} onChange={({ detail }) => change(at, { key: detail.value })} />
            ),
            errorText: (_, at) => pairProblem(pairs, at),
          },
          {
            label: 'Value',
            control: ({ key, value }, at) => (
              <Input
                value={value}
                type={seen ? 'text' : 'password'}
                ariaLabel={`Value of ${key || `row ${at + 1}`}`}
                autoComplete="new-password"
                spellcheck={false}
                onChange={({ detail }) => change(at, { value: detail.value })}
              />
            ),
          },
        ]}
      />
      {error && <FormField errorText={error} />}
    </SpaceBetween>
  );
}

function Text({ text, onChange, error }: { text: string; onChange: (text: string) => void; error?: string }) {
  const problem = text.trim() ? jsonProblem(text) : undefined;
  return (
    <FormField
      stretch
      label="Secret"
      description="JSON, or any other text of up to 65,536 bytes."
      errorText={error}
      warningText={problem && `This is no JSON, so no single key of it can be given to a container. ${problemText(problem)}`}
    >
      <Textarea value={text} rows={10} spellcheck={false} autoComplete={false} onChange={({ detail }) => onChange(detail.value)} />
    </FormField>
  );
}
