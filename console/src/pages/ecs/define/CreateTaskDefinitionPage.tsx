// A new task definition, or a new revision of one: by a form, by JSON, or by both in turn.
import { RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Form from '@cloudscape-design/components/form';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Tabs from '@cloudscape-design/components/tabs';
import { useEffect, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router-dom';

import { paths } from '../../../aws/arn';
import { cli, file } from '../../../aws/cli';
import { ecs } from '../../../aws/clients';
import { told } from '../../../aws/errors';
import { useLive } from '../../../aws/useLive';
import { CliCommand } from '../../../components/CliCommand';
import { ErrorAlert } from '../../../components/ErrorAlert';
import { Page } from '../../../frame/page';
import { useNotifications } from '../../../frame/notifications';
import { CheckView } from '../CheckView';
import { taskDefinition } from '../data';
import { useCheck } from '../useCheck';
import { draftOf, fieldOf, inputOf, newDraft, problemsOf, terraformOf, type Draft, type Problems } from './draft';
import { JsonField } from './JsonField';
import { TaskFields } from './TaskFields';

export function CreateTaskDefinitionPage() {
  const [search] = useSearchParams();
  const from = search.get('from') ?? undefined;
  const live = useLive(async () => (from ? taskDefinition(from) : undefined), [from], { every: () => false });
  const title = from ? `New revision of ${from.split(':')[0]}` : 'Create task definition';
  return (
    <Page title={title} crumbs={[{ text: 'Task definitions', path: paths.taskDefinitions() }, { text: title }]}>
      {live.error !== undefined && <ErrorAlert error={live.error} />}
      {live.loading ? <Spinner size="large" /> : <Editor first={live.data ? draftOf(live.data) : newDraft(search.get('secret') ?? undefined)} />}
    </Page>
  );
}

function Editor({ first }: { first: Draft }) {
  const [draft, setDraft] = useState(first);
  const [tab, setTab] = useState('form');
  const [unreadable, setUnreadable] = useState(false);
  // Nothing is blamed before somebody has tried.
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<{ field: string; error: unknown }>();
  const [working, setWorking] = useState(false);
  const navigate = useNavigate();
  const { success } = useNotifications();
  const [check, ask, forget] = useCheck();
  useEffect(() => {
    setRefused(undefined);
    forget();
  }, [draft]);

  const problems: Problems = tried ? problemsOf(draft) : {};
  if (refused?.field) problems[refused.field] = told(refused.error).message;
  const submit = async () => {
    setTried(true);
    if (unreadable || Object.keys(problemsOf(draft)).length > 0) return;
    setWorking(true);
    try {
      const { taskDefinition: made } = await ecs().send(new RegisterTaskDefinitionCommand(inputOf(draft)));
      success(`The task definition ${made?.family}:${made?.revision} is registered.`);
      void navigate(paths.taskDefinition(made?.family ?? '', made?.revision ?? 1));
    } catch (error) {
      setRefused({ field: fieldOf(told(error).message, draft), error });
      setWorking(false);
    }
  };
  const askCheck = () => {
    setTried(true);
    if (!unreadable && Object.keys(problemsOf(draft)).length === 0) ask({ document: JSON.stringify(inputOf(draft)) });
  };
  const count = Object.keys(problems).length;
  return (
    <Form
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={() => void navigate(paths.taskDefinitions())}>Cancel</Button>
          <Button onClick={askCheck} loading={check?.state === 'asking'}>
            Check
          </Button>
          <Button variant="primary" loading={working} onClick={() => void submit()}>
            Create
          </Button>
        </SpaceBetween>
      }
    >
      <SpaceBetween size="l">
        <Tabs
          activeTabId={tab}
          onChange={({ detail }) => setTab(detail.activeTabId)}
          tabs={[
            {
              id: 'form',
              label: 'Form',
              disabled: unreadable,
              disabledReason: 'The JSON cannot be read.',
              content: <TaskFields draft={draft} problems={problems} onChange={setDraft} />,
            },
            {
              id: 'json',
              label: 'JSON',
              content: <JsonField draft={draft} onChange={setDraft} onUnreadable={setUnreadable} />,
            },
          ]}
        />
        {check && <CheckView check={check} onAgain={askCheck} />}
        {refused && !refused.field && <ErrorAlert error={refused.error} header="The task definition was not registered" />}
        {count > 0 && !(refused && !refused.field) && (
          <Alert type="error" header="The task definition was not registered">
            {problems[''] ?? (count === 1 ? 'One field is not right:' : `${count} fields are not right:`)}
            <ul>
              {Object.entries(problems)
                .filter(([field]) => field)
                .map(([field, message]) => (
                  <li key={field}>{message}</li>
                ))}
            </ul>
          </Alert>
        )}
        <CliCommand
          note="Save the JSON as task-definition.json first; the tab JSON has a button for that."
          command={cli('ecs register-task-definition', { 'cli-input-json': file('task-definition.json') })}
          terraform={terraformOf(draft)}
        />
      </SpaceBetween>
    </Form>
  );
}
