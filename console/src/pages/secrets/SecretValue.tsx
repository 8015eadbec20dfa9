// The value of a secret: asked for on a click, covered again after half a minute and when one looks away, and changed by
// a new version.
import { PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useState } from 'react';

import { paths } from '../../aws/arn';
import { cli, file } from '../../aws/cli';
import { secretsManager } from '../../aws/clients';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { ErrorAlert } from '../../components/ErrorAlert';
import { To } from '../../components/To';
import { useSubmit } from '../../components/useSubmit';
import { useNotifications } from '../../frame/notifications';
import { readSecret, type SecretValue as Value } from './data';
import { isLogin, pairsOf } from './pairs';
import { draftOf, draftProblem, NEW_DRAFT, PairRows, storedText, type Draft } from './PairRows';

/** How long a value is seen. */
export const SEEN_SECONDS = 30;

interface SecretValueProps {
  arn: string;
  /** Whether it waits for its deletion and cannot be read. */
  deleted: boolean;
  onChanged: () => void;
}

export function SecretValue({ arn, deleted, onChanged }: SecretValueProps) {
  const [shown, show] = useShown();
  const [draft, setDraft] = useState<Draft>();
  const [error, setError] = useState<unknown>();
  const [working, setWorking] = useState<'read' | 'edit'>();
  const read = async (purpose: 'read' | 'edit') => {
    setWorking(purpose);
    setError(undefined);
    try {
      const value = await readSecret(arn);
      if (purpose === 'read') show(value);
      else setDraft('text' in value ? draftOf(value.text) : NEW_DRAFT);
    } catch (refused) {
      setError(refused);
      // Who may write it need not be allowed to read it.
      if (purpose === 'edit') setDraft(NEW_DRAFT);
    } finally {
      setWorking(undefined);
    }
  };
  if (draft) {
    return (
      <EditValue
        arn={arn}
        draft={draft}
        unread={error}
        onDraft={setDraft}
        onClose={() => {
          setDraft(undefined);
          setError(undefined);
          show(undefined);
          onChanged();
        }}
      />
    );
  }
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={
            <>
              Reading it is noted: see <To path={`${paths.secret(arn)}?tab=readers`}>who read it</To>.
            </>
          }
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              {shown ? (
                <Button onClick={() => show(undefined)}>Hide</Button>
              ) : (
                <Button disabled={deleted} loading={working === 'read'} onClick={() => void read('read')}>
                  Retrieve secret value
                </Button>
              )}
              <Button disabled={deleted} loading={working === 'edit'} onClick={() => void read('edit')}>
                Edit
              </Button>
            </SpaceBetween>
          }
        >
          Secret value
        </Header>
      }
    >
      <SpaceBetween size="m">
        {error !== undefined && <ErrorAlert error={error} header="The value was not read" />}
        {shown ? <Shown value={shown} /> : <Box color="text-body-secondary">Covered. It is asked for when you want to see it, and covered again after {SEEN_SECONDS} seconds.</Box>}
        <CliCommand command={cli('secretsmanager get-secret-value', { 'secret-id': arn, query: 'SecretString', output: 'text' })} />
      </SpaceBetween>
    </Container>
  );
}

/** A value that goes away by itself: after a while, and when the window or the page is left. */
function useShown(): [Value | undefined, (value: Value | undefined) => void] {
  const [shown, show] = useState<Value>();
  useEffect(() => {
    if (!shown) return undefined;
    const hide = () => show(undefined);
    const timer = window.setTimeout(hide, SEEN_SECONDS * 1000);
    window.addEventListener('blur', hide);
    document.addEventListener('visibilitychange', hide);
    return () => {
      window.clearTimeout(timer);
      window.removeEventListener('blur', hide);
      document.removeEventListener('visibilitychange', hide);
    };
  }, [shown]);
  return [shown, show];
}

function Shown({ value }: { value: Value }) {
  if ('bytes' in value) return <Box>This secret is {value.bytes} bytes of binary data, which is not shown. Use the AWS CLI.</Box>;
  const pairs = pairsOf(value.text);
  return (
    <SpaceBetween size="s">
      {pairs ? (
        <KeyValuePairs
          columns={2}
          items={pairs.map(({ key, value }) => ({ label: key, value: <Copy text={value} label={`value of ${key}`} shown /> }))}
        />
      ) : (
        <pre className="json" tabIndex={0} aria-label="Secret value">
          {value.text}
        </pre>
      )}
      {pairs && !isLogin(value.text) && pairs.some(({ key }) => /^(user|pass)/i.test(key)) && (
        <Alert type="warning">A private registry’s login needs the keys username and password, exactly so.</Alert>
      )}
    </SpaceBetween>
  );
}

interface EditValueProps {
  arn: string;
  draft: Draft;
  /** Why the value there is could not be read. */
  unread: unknown;
  onDraft: (draft: Draft) => void;
  onClose: () => void;
}

function EditValue({ arn, draft, unread, onDraft, onClose }: EditValueProps) {
  const submit = useSubmit({ value: /secret ?string|65536|\bvalue\b/i });
  const { success } = useNotifications();
  const save = () =>
    submit.run(async () => {
      await secretsManager().send(new PutSecretValueCommand({ SecretId: arn, SecretString: storedText(draft) }));
      success('The new version is stored. Tasks that start from now on get it.');
      onClose();
    });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="What you save becomes a new version; the one before stays as AWSPREVIOUS."
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button onClick={onClose}>Cancel</Button>
              <Button variant="primary" loading={submit.working} disabled={draftProblem(draft) !== undefined} onClick={() => void save()}>
                Save
              </Button>
            </SpaceBetween>
          }
        >
          New secret value
        </Header>
      }
    >
      <SpaceBetween size="m">
        {unread !== undefined && <ErrorAlert error={unread} header="The value there is could not be read; a new one can be written" />}
        {submit.rest !== undefined && <ErrorAlert error={submit.rest} header="The value was not stored" />}
        <PairRows draft={draft} onChange={onDraft} error={submit.at('value')} />
        <CliCommand
          note="Write the value into secret.json first."
          command={cli('secretsmanager put-secret-value', { 'secret-id': arn, 'secret-string': file('secret.json') })}
        />
      </SpaceBetween>
    </Container>
  );
}
