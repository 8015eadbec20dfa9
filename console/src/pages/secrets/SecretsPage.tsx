// The secrets: names and ARNs. Their values are asked for on the page of one secret, on a click.
import type { SecretListEntry } from '@aws-sdk/client-secrets-manager';
import Button from '@cloudscape-design/components/button';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';
import { useNavigate } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Time } from '../../components/Time';
import { To } from '../../components/To';
import { BarePage } from '../../frame/page';
import { secrets } from './data';
import { DeleteSecret } from './SecretDialogs';

const columns: Column<SecretListEntry>[] = [
  {
    id: 'name',
    header: 'Secret name',
    width: 240,
    text: secret => secret.Name,
    cell: secret => <To path={paths.secret(secret.ARN ?? '')}>{secret.Name}</To>,
  },
  {
    id: 'deletion',
    header: 'Deletion',
    width: 130,
    text: secret => (secret.DeletedDate ? 'planned' : undefined),
    cell: secret => (secret.DeletedDate ? <StatusIndicator type="warning">Planned</StatusIndicator> : '-'),
  },
  { id: 'description', header: 'Description', width: 240, text: secret => secret.Description || undefined },
  {
    id: 'changed',
    header: 'Changed',
    text: secret => secret.LastChangedDate?.getTime(),
    cell: secret => <Time value={secret.LastChangedDate} ago />,
  },
  {
    id: 'read',
    header: 'Last read (day)',
    text: secret => secret.LastAccessedDate?.getTime(),
    cell: secret => (secret.LastAccessedDate ? secret.LastAccessedDate.toISOString().slice(0, 10) : '-'),
  },
  {
    id: 'arn',
    header: 'ARN',
    width: 420,
    text: secret => secret.ARN,
    cell: secret => <Copy text={secret.ARN ?? ''} label="ARN" shown />,
  },
];

export function SecretsPage() {
  const live = useLive(secrets, []);
  const [deleting, setDeleting] = useState<SecretListEntry>();
  const navigate = useNavigate();
  const store = (
    <Button variant="primary" onClick={() => void navigate(paths.createSecret())}>
      Store a new secret
    </Button>
  );
  return (
    <BarePage title="Secrets" crumbs={[{ text: 'Secrets' }]}>
      <LiveTable
        title="Secrets"
        live={live}
        columns={columns}
        order="name"
        rowId={secret => secret.ARN ?? ''}
        selection="single"
        empty={{ text: 'No secrets yet. The login of a private registry is kept in one.', action: store }}
        actions={([selected]) => (
          <>
            <Button disabled={!selected || selected.DeletedDate !== undefined} onClick={() => setDeleting(selected)}>
              Delete
            </Button>
            {store}
          </>
        )}
      />
      {deleting && (
        <DeleteSecret
          arn={deleting.ARN ?? ''}
          name={deleting.Name ?? ''}
          onClose={() => {
            setDeleting(undefined);
            void live.refresh();
          }}
        />
      )}
    </BarePage>
  );
}
