// One call: who asked for what, and which statement of which policy decided.
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { explainRequest, type RequestExplanation, type Ruling } from '../../aws/tidegate';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { JsonView } from '../../components/JsonView';
import { Loaded } from '../../components/Loaded';
import { Time } from '../../components/Time';
import { ArnLink } from '../../components/To';
import { Page } from '../../frame/page';
import { OutcomeSign } from './EventsTable';

const VERDICTS: Record<string, string> = {
  allowed: 'Allowed',
  explicitDeny: 'Denied by a statement',
  implicitDeny: 'Denied: no statement allows it',
};

export function RequestPage() {
  const { request: requestId = '' } = useParams();
  const live = useLive(() => explainRequest({ requestId }), [requestId], { every: () => false });
  const title = live.data ? live.data.operation : 'Request';
  return (
    <Page title={title} crumbs={[{ text: 'Audit', path: paths.audit() }, { text: requestId }]}>
      <Loaded live={live}>
        {call => [
          <Call key="call" call={call} />,
          ...call.decisions.map((ruling, at) => <Decision key={at} ruling={ruling} />),
          call.decisions.length === 0 && (
            <Alert key="none" type="info">
              No policy was asked: the call was refused before that, or it needs no right.
            </Alert>
          ),
          <ExpandableSection key="event" variant="container" headerText="The event as CloudTrail tells it">
            <JsonView value={call.event} name="event" />
          </ExpandableSection>,
        ]}
      </Loaded>
    </Page>
  );
}

function Call({ call }: { call: RequestExplanation }) {
  return (
    <Container header={<Header variant="h2">The call</Header>}>
      <SpaceBetween size="m">
        <KeyValuePairs
          columns={3}
          minColumnWidth={230}
          items={[
            { label: 'Outcome', value: <OutcomeSign outcome={call.outcome} /> },
            { label: 'Time', value: <Time value={call.time} /> },
            { label: 'Operation', value: `${call.service.split('.')[0]}:${call.operation}` },
            { label: 'Who', value: <ArnLink arn={call.caller} /> },
            { label: 'For the task', value: call.task ? <ArnLink arn={call.task} /> : '-' },
            { label: 'From', value: call.sourceIpAddress ?? '-' },
            { label: 'Request id', value: <Copy text={call.requestId} label="request id" shown /> },
          ]}
        />
        {call.errorCode && (
          <Alert type="error" header={call.errorCode}>
            <span className="break">{call.errorMessage}</span>
          </Alert>
        )}
      </SpaceBetween>
    </Container>
  );
}

function Decision({ ruling }: { ruling: Ruling }) {
  const allowed = ruling.verdict === 'allowed';
  const conditions = Object.entries(ruling.conditions ?? {});
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={
            <>
              on <ArnLink arn={ruling.resource}>{ruling.resource === '*' ? 'everything' : ruling.resource}</ArnLink>
            </>
          }
        >
          {ruling.action}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <KeyValuePairs
          columns={3}
          minColumnWidth={230}
          items={[
            {
              label: 'Decision',
              value: <StatusIndicator type={allowed ? 'success' : 'error'}>{VERDICTS[ruling.verdict] ?? ruling.verdict}</StatusIndicator>,
            },
            { label: 'Decided by', value: ruling.layer },
            { label: 'Policy', value: ruling.policy ? <ArnLink arn={ruling.policy} /> : '-' },
            { label: 'Statement', value: ruling.statement ?? '-' },
            ...(ruling.through ? [{ label: 'Asked by', value: ruling.through }] : []),
            ...conditions.map(([key, values]) => ({ label: key, value: <span className="break">{values.join(', ')}</span> })),
          ]}
        />
        {ruling.detail && <Box color={allowed ? undefined : 'text-status-error'}>{ruling.detail}</Box>}
        {ruling.mend && (
          <Alert type="info" header="What mends it">
            <span className="break">{ruling.mend}</span>
          </Alert>
        )}
        {ruling.document && <JsonView value={ruling.document} name="statement" />}
      </SpaceBetween>
    </Container>
  );
}
