// The keys of KMS, with their aliases.
import Button from '@cloudscape-design/components/button';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import { useMemo, useState } from 'react';
import { useNavigate } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Status } from '../../components/Status';
import { Time } from '../../components/Time';
import { To } from '../../components/To';
import { BarePage } from '../../frame/page';
import { keys, type Key } from './data';

type Manager = 'CUSTOMER' | 'AWS';

const columns: Column<Key>[] = [
  {
    id: 'alias',
    header: 'Alias',
    width: 220,
    text: key => key.aliases.map(alias => alias.replace(/^alias\//, '')).join(', ') || undefined,
    cell: key => <To path={paths.key(key.KeyId ?? '')}>{key.aliases.map(alias => alias.replace(/^alias\//, '')).join(', ') || 'without alias'}</To>,
  },
  { id: 'id', header: 'Key id', width: 330, text: key => key.KeyId, cell: key => <Copy text={key.KeyId ?? ''} label="key id" shown /> },
  { id: 'state', header: 'State', text: key => key.KeyState, cell: key => <Status value={key.KeyState} /> },
  { id: 'description', header: 'Description', width: 220, text: key => key.Description || undefined },
  {
    id: 'created',
    header: 'Created',
    text: key => key.CreationDate?.getTime(),
    cell: key => <Time value={key.CreationDate} />,
  },
  {
    id: 'deletion',
    header: 'Deletion',
    text: key => key.DeletionDate?.getTime(),
    cell: key => <Time value={key.DeletionDate} />,
  },
];

export function KeysPage() {
  const live = useLive(keys, [], { every: 5_000 });
  const [manager, setManager] = useState<Manager>('CUSTOMER');
  const data = useMemo(() => live.data?.filter(key => key.KeyManager === manager), [live.data, manager]);
  const navigate = useNavigate();
  const create = (
    <Button variant="primary" onClick={() => void navigate(paths.createKey())}>
      Create key
    </Button>
  );
  return (
    <BarePage title="KMS keys" crumbs={[{ text: 'KMS keys' }]}>
      <LiveTable
        title="KMS keys"
        live={{ ...live, data }}
        columns={columns}
        order="alias"
        rowId={key => key.KeyId ?? ''}
        empty={
          manager === 'CUSTOMER'
            ? { text: 'No keys of your own yet. With one you say who may decrypt which secret; without, the account’s own key is used.', action: create }
            : { text: 'No AWS managed keys yet. The first secret without a key of its own makes aws/secretsmanager.' }
        }
        filter={
          <SegmentedControl
            label="Which keys"
            selectedId={manager}
            onChange={({ detail }) => setManager(detail.selectedId as Manager)}
            options={[
              { id: 'CUSTOMER', text: 'Customer managed' },
              { id: 'AWS', text: 'AWS managed' },
            ]}
          />
        }
        actions={() => create}
      />
    </BarePage>
  );
}
