// The draft as JSON, as the AWS CLI takes it, read while one types.
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useState } from 'react';

import { Copy } from '../../../components/Copy';
import { download } from '../../../components/download';
import { inputOf, type Draft } from './draft';

interface JsonFieldProps {
  draft: Draft;
  onChange: (draft: Draft) => void;
  /** Told whether the text is no JSON at the moment. */
  onUnreadable: (unreadable: boolean) => void;
}

export function JsonField({ draft, onChange, onUnreadable }: JsonFieldProps) {
  const [text, setText] = useState(() => JSON.stringify(inputOf(draft), null, 2));
  const [error, setError] = useState<string>();
  const write = (text: string) => {
    setText(text);
    const read = parse(text);
    setError(read.error);
    onUnreadable(read.error !== undefined);
    if (read.draft) onChange(read.draft);
  };
  return (
    <SpaceBetween size="s">
      <FormField
        label="Task definition as JSON"
        description="As aws ecs register-task-definition --cli-input-json takes it, or as describe-task-definition gives it. Paste it here."
        errorText={error}
        stretch
      >
        <Textarea value={text} rows={28} spellcheck={false} disableBrowserAutocorrect onChange={({ detail }) => write(detail.value)} />
      </FormField>
      <SpaceBetween direction="horizontal" size="xs">
        <Copy text={text} label="JSON" />
        <Button variant="inline-link" iconName="download" onClick={() => download('task-definition.json', text, 'application/json')}>
          Download task-definition.json
        </Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}

/** The draft of a text, or where it cannot be read. */
export function parse(text: string): { draft?: Draft; error?: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { error: place(text, error instanceof Error ? error.message : String(error)) };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { error: 'An object { … } is expected.' };
  // What describe-task-definition answers has the definition inside, and fields that registering does not take.
  const { taskDefinition, ...rest } = value as { taskDefinition?: object };
  const found = (taskDefinition ?? rest) as Draft & Record<string, unknown>;
  if (found.containerDefinitions !== undefined && !Array.isArray(found.containerDefinitions)) {
    return { error: 'containerDefinitions must be a list [ … ].' };
  }
  for (const name of ['taskDefinitionArn', 'revision', 'status', 'requiresAttributes', 'compatibilities', 'registeredAt', 'registeredBy']) {
    delete found[name];
  }
  return { draft: found };
}

/** A parser says the place in characters; people count lines. */
function place(text: string, message: string): string {
  const at = /position (\d+)/.exec(message)?.[1];
  if (!at || /line \d/.test(message)) return message;
  const before = text.slice(0, Number(at)).split('\n');
  return `${message} (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`;
}
