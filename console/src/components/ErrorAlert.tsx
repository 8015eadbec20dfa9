// An error of a call: AWS's own sentence, and for a denial who, what, and which layer said no.
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';

import { paths } from '../aws/arn';
import { told } from '../aws/errors';
import { Copy } from './Copy';
import { ArnLink, To } from './To';

interface ErrorAlertProps {
  error: unknown;
  /** What was tried: "The secret was not stored". */
  header?: string;
  /** Offers to try again. */
  onRetry?: () => void;
}

export function ErrorAlert({ error, header, onRetry }: ErrorAlertProps) {
  return (
    <Alert type="error" header={header ?? told(error).title} action={onRetry && <Button onClick={onRetry}>Try again</Button>}>
      <ErrorDetails error={error} />
    </Alert>
  );
}

export function ErrorDetails({ error }: { error: unknown }) {
  const { message, code, requestId, denial } = told(error);
  return (
    <SpaceBetween size="xs">
      <span className="break">{message}</span>
      {denial && (
        <KeyValuePairs
          columns={2}
          items={[
            { label: 'Who', value: <ArnLink arn={ownerOf(denial.principal)}>{denial.principal}</ArnLink> },
            { label: 'Action', value: denial.action },
            { label: 'Resource', value: denial.resource ? <ArnLink arn={denial.resource} /> : 'any' },
            { label: 'Decided by', value: denial.reason },
          ]}
        />
      )}
      {(code || requestId) && (
        <Box fontSize="body-s">
          {code}
          {requestId && (
            <>
              {' '}
              · request <To path={paths.request(requestId)} fontSize="inherit">{requestId}</To> <Copy text={requestId} label="request id" />
            </>
          )}
        </Box>
      )}
    </SpaceBetween>
  );
}

/** The role behind a session of it. */
function ownerOf(principal: string): string {
  const session = /^arn:aws:sts::(\d+):assumed-role\/([^/]+)\//.exec(principal);
  return session ? `arn:aws:iam::${session[1]}:role/${session[2]}` : principal;
}
