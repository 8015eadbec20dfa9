// The policies: your own and AWS's.
import { DeletePolicyCommand, DeletePolicyVersionCommand, type Policy } from '@aws-sdk/client-iam';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import { useState } from 'react';
import { useNavigate } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli } from '../../aws/cli';
import { iam } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { Dialog } from '../../components/Dialog';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Time } from '../../components/Time';
import { To } from '../../components/To';
import { useNotifications } from '../../frame/notifications';
import { BarePage } from '../../frame/page';
import { policies, policyVersions } from './data';

type Scope = 'Local' | 'AWS';

const columns: Column<Policy>[] = [
  {
    id: 'name',
    header: 'Policy',
    width: 300,
    text: item => item.PolicyName,
    cell: item => <To path={paths.policy(item.Arn ?? '')}>{item.PolicyName}</To>,
  },
  { id: 'used', header: 'Attached to', width: 140, text: item => item.AttachmentCount ?? 0 },
  {
    id: 'changed',
    header: 'Changed',
    text: item => item.UpdateDate?.getTime(),
    cell: item => <Time value={item.UpdateDate} />,
  },
  { id: 'arn', header: 'ARN', width: 440, text: item => item.Arn, cell: item => <Copy text={item.Arn ?? ''} label="ARN" shown /> },
];

export function PoliciesPage() {
  const [scope, setScope] = useState<Scope>('Local');
  const live = useLive(() => policies(scope), [scope], { every: 5_000 });
  const [deleting, setDeleting] = useState<Policy>();
  const navigate = useNavigate();
  const create = (
    <Button variant="primary" onClick={() => void navigate(paths.createPolicy())}>
      Create policy
    </Button>
  );
  return (
    <BarePage title="Policies" crumbs={[{ text: 'Policies' }]}>
      <LiveTable
        title="Policies"
        live={live}
        columns={columns}
        order="name"
        rowId={item => item.Arn ?? ''}
        selection="single"
        empty={{ text: 'No policies of your own yet. A policy says what a role or a user may do.', action: create }}
        filter={
          <SegmentedControl
            label="Which policies"
            selectedId={scope}
            onChange={({ detail }) => setScope(detail.selectedId as Scope)}
            options={[
              { id: 'Local', text: 'Customer managed' },
              { id: 'AWS', text: 'AWS managed' },
            ]}
          />
        }
        actions={([selected]) => (
          <>
            <Button disabled={!selected || scope === 'AWS'} onClick={() => setDeleting(selected)}>
              Delete
            </Button>
            {create}
          </>
        )}
      />
      {deleting && (
        <DeletePolicy
          arn={deleting.Arn ?? ''}
          onClose={() => {
            setDeleting(undefined);
            void live.refresh();
          }}
        />
      )}
    </BarePage>
  );
}

export function DeletePolicy({ arn, onClose, onDeleted }: { arn: string; onClose: () => void; onDeleted?: () => void }) {
  const { success } = useNotifications();
  const name = arn.split('/').at(-1);
  return (
    <Dialog
      title={`Delete the policy ${name}?`}
      action="Delete"
      onClose={onClose}
      onAction={async () => {
        for (const version of await policyVersions(arn)) {
          if (!version.IsDefaultVersion) await iam().send(new DeletePolicyVersionCommand({ PolicyArn: arn, VersionId: version.VersionId }));
        }
        await iam().send(new DeletePolicyCommand({ PolicyArn: arn }));
        success(<>The policy {name} is deleted.</>);
        onDeleted?.();
      }}
    >
      <Box>It goes with all its versions. It must not be attached to anything.</Box>
      <CliCommand command={cli('iam delete-policy', { 'policy-arn': arn })} />
    </Dialog>
  );
}
