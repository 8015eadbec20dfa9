// A new task definition, or a new revision of one: by a form in steps, by JSON, or by both in turn.
import { RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Form from '@cloudscape-design/components/form';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Tabs from '@cloudscape-design/components/tabs';
import Wizard from '@cloudscape-design/components/wizard';
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
import { ContainersStep } from './ContainersStep';
import { draftOf, fieldOf, inputOf, newDraft, problemsOf, STEP, stepOf, terraformOf, type Draft, type Problems } from './draft';
import { JsonField } from './JsonField';
import { ReviewStep } from './ReviewStep';
import { TaskStep } from './TaskStep';

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

/** What is wrong with a draft, of that what may be said, and sending it. */
function useRegister(draft: Draft) {
  // Nothing is blamed before somebody has tried.
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<{ field: string; error: unknown }>();
  const [working, setWorking] = useState(false);
  const navigate = useNavigate();
  const { success } = useNotifications();
  useEffect(() => setRefused(undefined), [draft]);
  const found = problemsOf(draft);
  const problems: Problems = tried ? { ...found } : {};
  if (refused?.field) problems[refused.field] = told(refused.error).message;
  const send = async () => {
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
  return { found, problems, refused, working, send, setTried };
}

function Editor({ first }: { first: Draft }) {
  const [draft, setDraft] = useState(first);
  const [tab, setTab] = useState('form');
  const [step, setStep] = useState(STEP.task);
  const [unreadable, setUnreadable] = useState(false);
  const { found, problems, refused, working, send, setTried } = useRegister(draft);
  const navigate = useNavigate();
  const [check, ask, forget] = useCheck();
  useEffect(forget, [draft]);

  const cancel = () => void navigate(paths.taskDefinitions());
  /** Does it with a draft that can be sent; else says what is wrong with it. */
  const whenGood = (act: () => void) => {
    setTried(true);
    if (!unreadable && stepOf(found) === undefined) act();
  };
  const create = () => whenGood(() => void send());
  const askCheck = () => whenGood(() => ask({ document: JSON.stringify(inputOf(draft)) }));
  const goTo = (wanted: number) => {
    const stopped = stepOf(found) ?? wanted;
    setTried(stopped < wanted);
    setStep(Math.min(stopped, wanted));
  };
  const toField = () => {
    setTab('form');
    setStep(stepOf(problems) ?? step);
  };
  const checkButton = (
    <Button onClick={askCheck} loading={check?.state === 'asking'}>
      Check
    </Button>
  );
  const outcome = (
    <SpaceBetween size="l">
      {refused && !refused.field ? (
        <ErrorAlert error={refused.error} header="The task definition was not registered" />
      ) : (
        <ProblemsAlert problems={problems} onField={unreadable ? undefined : toField} />
      )}
      {check && <CheckView check={check} onAgain={askCheck} />}
      <CliCommand
        note="Save the JSON as task-definition.json first; beside it is a button for that."
        command={cli('ecs register-task-definition', { 'cli-input-json': file('task-definition.json') })}
        terraform={terraformOf(draft)}
      />
    </SpaceBetween>
  );
  const wizard = (
    <Wizard
      activeStepIndex={step}
      onNavigate={({ detail }) => goTo(detail.requestedStepIndex)}
      onCancel={cancel}
      onSubmit={create}
      isLoadingNextStep={working}
      submitButtonText="Create"
      secondaryActions={step === STEP.review && checkButton}
      steps={[
        { title: 'Task', content: <TaskStep draft={draft} problems={problems} onChange={setDraft} /> },
        {
          title: 'Containers',
          content: <ContainersStep draft={draft} problems={problems} onChange={setDraft} onRole={() => setStep(STEP.task)} />,
        },
        {
          title: 'Review',
          content: (
            <SpaceBetween size="l">
              <ReviewStep draft={draft} goTo={goTo} />
              {outcome}
            </SpaceBetween>
          ),
        },
      ]}
    />
  );
  const json = (
    <Form
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={cancel}>Cancel</Button>
          {checkButton}
          <Button variant="primary" loading={working} onClick={create}>
            Create
          </Button>
        </SpaceBetween>
      }
    >
      <SpaceBetween size="l">
        <JsonField draft={draft} onChange={setDraft} onUnreadable={setUnreadable} />
        {outcome}
      </SpaceBetween>
    </Form>
  );
  return (
    <Tabs
      activeTabId={tab}
      onChange={({ detail }) => (detail.activeTabId === 'form' ? toField() : setTab(detail.activeTabId))}
      tabs={[
        { id: 'form', label: 'Form', disabled: unreadable, disabledReason: 'The JSON cannot be read.', content: wizard },
        { id: 'json', label: 'JSON', content: json },
      ]}
    />
  );
}

function ProblemsAlert({ problems, onField }: { problems: Problems; onField?: () => void }) {
  const count = Object.keys(problems).length;
  if (count === 0) return null;
  return (
    <Alert
      type="error"
      header="The task definition was not registered"
      action={onField && <Button onClick={onField}>Go to the field</Button>}
    >
      {problems[''] ?? (count === 1 ? 'One field is not right:' : `${count} fields are not right:`)}
      <ul>
        {Object.entries(problems)
          .filter(([field]) => field)
          .map(([field, message]) => (
            <li key={field}>{message}</li>
          ))}
      </ul>
    </Alert>
  );
}
