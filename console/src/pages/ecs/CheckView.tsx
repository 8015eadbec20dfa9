// The check of a task definition: its whole road, tried before a task is run.
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';

import type { Checked, Mend } from '../../aws/tidegate';
import { Chain } from '../../components/Chain';
import { ErrorAlert } from '../../components/ErrorAlert';

export interface Check {
  state: 'asking' | 'answered' | 'refused';
  answer?: Checked;
  error?: unknown;
}

interface CheckViewProps {
  check: Check;
  onAgain: () => void;
  /** Something was mended; `onAgain` follows. */
  onMended?: (mend: Mend) => void;
}

export function CheckView({ check, onAgain, onMended }: CheckViewProps) {
  if (check.state === 'asking') {
    return <StatusIndicator type="loading">The road is walked: roles, secrets, keys, registry, image</StatusIndicator>;
  }
  if (check.state === 'refused') return <ErrorAlert error={check.error} header="The check was not done" onRetry={onAgain} />;
  const { outcome, roads = [] } = check.answer ?? {};
  const again = <Button onClick={onAgain}>Check again</Button>;
  return (
    <SpaceBetween size="l">
      {outcome === 'good' ? (
        <Alert type="success" header="A task would start" action={again}>
          Roles, secrets, keys and registry were really asked, with the rights of the execution role.
        </Alert>
      ) : (
        <Alert type="error" header="A task would not start" action={again}>
          The broken link is below, with what mends it.
        </Alert>
      )}
      {roads.map((road, at) => (
        <Container key={at} header={<Header variant="h2">{road.container ? `Container ${road.container}` : 'Task'}</Header>}>
          <Chain
            links={road.links}
            onMended={mend => {
              onMended?.(mend);
              onAgain();
            }}
          />
        </Container>
      ))}
    </SpaceBetween>
  );
}
