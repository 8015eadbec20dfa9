// A policy that belongs to one thing - a trust policy, a key policy: read, edited, checked, saved.
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';

import { CliCommand } from './CliCommand';
import { ErrorAlert } from './ErrorAlert';
import { JsonEditor, useCheck } from './JsonEditor';
import { JsonView, pretty } from './JsonView';
import { useSubmit } from './useSubmit';
import { useNotifications } from '../frame/notifications';

interface PolicyPanelProps {
  title: string;
  description: string;
  document: string;
  /** Names the file of the download. */
  name: string;
  /** A call that writes nothing and rejects what the server would refuse. */
  check?: (document: string) => Promise<unknown>;
  save: (document: string) => Promise<void>;
  /** The AWS CLI command, which reads policy.json. */
  command: string;
  /** Why it cannot be edited. */
  fixed?: string;
}

export function PolicyPanel({ title, description, document, name, check: ask, save, command, fixed }: PolicyPanelProps) {
  const [draft, setDraft] = useState<string>();
  const check = useCheck(draft ?? '', ask);
  const submit = useSubmit({ policy: /polic|principal|syntax/i });
  const { success } = useNotifications();
  const store = () =>
    submit.run(async () => {
      await save(draft ?? '');
      success(`${title} saved.`);
      setDraft(undefined);
    });
  const buttons =
    draft === undefined ? (
      <Button disabled={fixed !== undefined} disabledReason={fixed} onClick={() => setDraft(pretty(document))}>
        Edit
      </Button>
    ) : (
      <SpaceBetween direction="horizontal" size="xs">
        <Button onClick={() => setDraft(undefined)}>Cancel</Button>
        <Button variant="primary" loading={submit.working} disabled={check.state === 'bad' || check.state === 'empty'} onClick={() => void store()}>
          Save
        </Button>
      </SpaceBetween>
    );
  return (
    <Container
      header={
        <Header variant="h2" description={description} actions={buttons}>
          {title}
        </Header>
      }
    >
      {draft === undefined ? (
        <JsonView value={document} name={name} />
      ) : (
        <SpaceBetween size="m">
          {submit.rest !== undefined && <ErrorAlert error={submit.rest} header="It was not saved" />}
          <JsonEditor
            label={title}
            value={draft}
            check={check}
            error={submit.at('policy')}
            onChange={text => {
              submit.clear();
              setDraft(text);
            }}
          />
          <CliCommand note="Write the policy into policy.json first." command={command} />
        </SpaceBetween>
      )}
    </Container>
  );
}
