// The copies of a secret in other regions.
import { RemoveRegionsFromReplicationCommand, ReplicateSecretToRegionsCommand, type DescribeSecretCommandOutput, type ReplicationStatusType } from '@aws-sdk/client-secrets-manager';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Multiselect from '@cloudscape-design/components/multiselect';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';

import { cli } from '../../aws/cli';
import { secretsManager } from '../../aws/clients';
import { REGIONS } from '../../aws/regions';
import { session } from '../../aws/session';
import type { Live } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Dialog } from '../../components/Dialog';
import { LiveTable, type Column } from '../../components/LiveTable';
import { useNotifications } from '../../frame/notifications';

const SIGNS = { InSync: 'success', InProgress: 'in-progress', Failed: 'error' } as const;

const columns: Column<ReplicationStatusType>[] = [
  { id: 'region', header: 'Region', text: replica => replica.Region },
  {
    id: 'status',
    header: 'Status',
    text: replica => replica.Status,
    cell: replica => <StatusIndicator type={SIGNS[replica.Status ?? 'InProgress']}>{replica.Status}</StatusIndicator>,
  },
  { id: 'message', header: 'Message', width: 320, text: replica => replica.StatusMessage },
  { id: 'key', header: 'Encryption key', width: 260, text: replica => replica.KmsKeyId?.replace(/^alias\//, '') },
];

export function SecretReplicas({ live }: { live: Live<DescribeSecretCommandOutput> }) {
  const arn = live.data?.ARN ?? '';
  const [open, setOpen] = useState<'add' | { region: string }>();
  const close = () => {
    setOpen(undefined);
    void live.refresh();
  };
  const { success } = useNotifications();
  const add = <Button onClick={() => setOpen('add')}>Replicate</Button>;
  return (
    <>
      <LiveTable
        title="Replicas"
        level="h2"
        live={{ ...live, data: live.data && (live.data.ReplicationStatus ?? []) }}
        columns={columns}
        order="region"
        rowId={replica => replica.Region ?? ''}
        selection="single"
        empty={{ text: 'No replicas. A copy in another region follows each change of this secret.', action: add }}
        actions={([selected]) => (
          <>
            <Button disabled={!selected} onClick={() => setOpen({ region: selected?.Region ?? '' })}>
              Remove
            </Button>
            {add}
          </>
        )}
      />
      {open === 'add' && <Replicate arn={arn} there={live.data?.ReplicationStatus?.flatMap(({ Region }) => Region ?? []) ?? []} onClose={close} />}
      {open && open !== 'add' && (
        <Dialog
          title={`Remove the replica in ${open.region}?`}
          action="Remove"
          onClose={close}
          onAction={async () => {
            await secretsManager().send(new RemoveRegionsFromReplicationCommand({ SecretId: arn, RemoveReplicaRegions: [open.region] }));
            success(<>The replica in {open.region} is removed.</>);
          }}
        >
          <Box>Nobody can read it there any more.</Box>
          <CliCommand command={cli('secretsmanager remove-regions-from-replication', { 'secret-id': arn, 'remove-replica-regions': [open.region] })} />
        </Dialog>
      )}
    </>
  );
}

function Replicate({ arn, there, onClose }: { arn: string; there: string[]; onClose: () => void }) {
  const [regions, setRegions] = useState<string[]>([]);
  const { success } = useNotifications();
  return (
    <Dialog
      title="Replicate to other regions"
      action="Replicate"
      disabled={regions.length === 0}
      onClose={onClose}
      onAction={async () => {
        await secretsManager().send(new ReplicateSecretToRegionsCommand({ SecretId: arn, AddReplicaRegions: regions.map(Region => ({ Region })) }));
        success(<>The secret is replicated to {regions.join(', ')}.</>);
      }}
    >
      <RegionSelect value={regions} without={there} onChange={setRegions} />
      <CliCommand command={cli('secretsmanager replicate-secret-to-regions', { 'secret-id': arn, 'add-replica-regions': regions.map(region => `Region=${region}`) })} />
    </Dialog>
  );
}

interface RegionSelectProps {
  value: string[];
  without?: string[];
  onChange: (regions: string[]) => void;
  error?: string;
}

export function RegionSelect({ value, without = [], onChange, error }: RegionSelectProps) {
  const here = session().region;
  const options = REGIONS.filter(region => region !== here && !without.includes(region)).map(region => ({ value: region, label: region }));
  return (
    <FormField label={<span>Replicate to <i>- optional</i></span>} description="Each region gets a copy under its own key." errorText={error}>
      <Multiselect
        selectedOptions={value.map(region => ({ value: region, label: region }))}
        options={options}
        filteringType="auto"
        placeholder="Choose regions"
        empty="No other regions."
        deselectAriaLabel={({ label }) => `Take ${label} away`}
        onChange={({ detail }) => onChange(detail.selectedOptions.flatMap(option => option.value ?? []))}
      />
    </FormField>
  );
}
