// Tags: rows to write them in a form, and a panel that shows and changes those of something that exists.
import AttributeEditor from '@cloudscape-design/components/attribute-editor';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';

import { ErrorAlert } from './ErrorAlert';

export interface Tag {
  key: string;
  value: string;
}

/** Tags as almost all of AWS's calls take them; undefined when there are none. */
export function asTags(tags: Tag[]): { Key: string; Value: string }[] | undefined {
  const named = tags.filter(({ key }) => key !== '');
  return named.length ? named.map(({ key, value }) => ({ Key: key, Value: value })) : undefined;
}

/** Tags as KMS takes them. */
export function asKmsTags(tags: Tag[]): { TagKey: string; TagValue: string }[] | undefined {
  return asTags(tags)?.map(({ Key, Value }) => ({ TagKey: Key, TagValue: Value }));
}

export function TagRows({ tags, onChange }: { tags: Tag[]; onChange: (tags: Tag[]) => void }) {
  const change = (at: number, part: Partial<Tag>) => onChange(tags.map((tag, index) => (index === at ? { ...tag, ...part } : tag)));
  return (
    <AttributeEditor
      items={tags}
      empty="No tags."
      addButtonText="Add tag"
      removeButtonText="Remove"
      removeButtonAriaLabel={({ key }) => `Remove tag ${key}`}
      disableAddButton={tags.length >= 50}
      onAddButtonClick={() => onChange([...tags, { key: '', value: '' }])}
      onRemoveButtonClick={({ detail }) => onChange(tags.filter((_, index) => index !== detail.itemIndex))}
      definition={[
        {
          label: 'Key',
          control: ({ key }, at) => <Input value={key} ariaLabel={`Key of tag ${at + 1}`} autoComplete={false} onChange={({ detail }) => change(at, { key: detail.value })} />,
          errorText: ({ key }, at) => (key && tags.findIndex(tag => tag.key === key) < at ? 'This key is there already.' : undefined),
        },
        {
          label: 'Value',
          control: ({ value }, at) => <Input value={value} ariaLabel={`Value of tag ${at + 1}`} autoComplete={false} onChange={({ detail }) => change(at, { value: detail.value })} />,
        },
      ]}
    />
  );
}

interface TagsPanelProps {
  tags: Tag[];
  /** Writes what was added or changed, and takes away the keys that are gone. */
  onSave: (changed: Tag[], removed: string[]) => Promise<void>;
}

export function TagsPanel({ tags, onSave }: TagsPanelProps) {
  const [draft, setDraft] = useState<Tag[]>();
  const [working, setWorking] = useState(false);
  const [error, setError] = useState<unknown>();
  const save = async () => {
    if (!draft) return;
    const wanted = draft.filter(({ key }) => key !== '');
    const before = new Map(tags.map(({ key, value }) => [key, value]));
    setWorking(true);
    setError(undefined);
    try {
      await onSave(
        wanted.filter(({ key, value }) => before.get(key) !== value),
        [...before.keys()].filter(key => !wanted.some(tag => tag.key === key)),
      );
      setDraft(undefined);
    } catch (refused) {
      setError(refused);
    } finally {
      setWorking(false);
    }
  };
  return (
    <Container
      header={
        <Header
          variant="h2"
          counter={`(${tags.length})`}
          actions={
            draft ? (
              <SpaceBetween direction="horizontal" size="xs">
                <Button onClick={() => setDraft(undefined)}>Cancel</Button>
                <Button variant="primary" loading={working} onClick={() => void save()}>
                  Save tags
                </Button>
              </SpaceBetween>
            ) : (
              <Button onClick={() => setDraft(tags.length ? tags : [{ key: '', value: '' }])}>Edit tags</Button>
            )
          }
        >
          Tags
        </Header>
      }
    >
      <SpaceBetween size="m">
        {error !== undefined && <ErrorAlert error={error} header="The tags were not saved" />}
        {draft ? (
          <TagRows tags={draft} onChange={setDraft} />
        ) : tags.length ? (
          <KeyValuePairs columns={3} items={tags.map(({ key, value }) => ({ label: key, value: <span className="break">{value || '-'}</span> }))} />
        ) : (
          <Box color="text-body-secondary">No tags. They group things and can be asked for in the conditions of policies.</Box>
        )}
      </SpaceBetween>
    </Container>
  );
}
