// One revision of a task definition.
import Container from '@cloudscape-design/components/container';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { ErrorAlert } from '../../components/ErrorAlert';
import { JsonView } from '../../components/JsonView';
import { Status } from '../../components/Status';
import { ArnLink } from '../../components/To';
import { Page } from '../../frame/page';
import { taskDefinition } from './data';

export function TaskDefinitionPage() {
  const { family = '', revision = '' } = useParams();
  const name = `${family}:${revision}`;
  const live = useLive(() => taskDefinition(name), [name], { every: 30_000 });
  const definition = live.data;
  return (
    <Page title={name} crumbs={[{ text: 'Task definitions', path: paths.taskDefinitions() }, { text: name }]}>
      <SpaceBetween size="l">
        {live.error !== undefined && <ErrorAlert error={live.error} onRetry={() => void live.refresh()} />}
        {definition && (
          <Container>
            <KeyValuePairs
              columns={3}
              items={[
                { label: 'ARN', value: <Copy text={definition.taskDefinitionArn ?? ''} label="ARN" shown /> },
                { label: 'Status', value: <Status value={definition.status} /> },
                { label: 'CPU and memory', value: `${definition.cpu ?? '-'} units, ${definition.memory ?? '-'} MiB` },
                {
                  label: 'Execution role',
                  value: definition.executionRoleArn ? <ArnLink arn={definition.executionRoleArn} /> : 'none',
                },
                { label: 'Task role', value: definition.taskRoleArn ? <ArnLink arn={definition.taskRoleArn} /> : 'none' },
                { label: 'Network mode', value: definition.networkMode ?? '-' },
              ]}
            />
          </Container>
        )}
        {definition && <JsonView value={definition} name={`${family}-${revision}`} />}
      </SpaceBetween>
    </Page>
  );
}
