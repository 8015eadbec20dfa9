// The clusters, and making a new one.
import { CreateClusterCommand, DeleteClusterCommand, type Cluster } from '@aws-sdk/client-ecs';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { useState } from 'react';

import { paths } from '../../aws/arn';
import { cli } from '../../aws/cli';
import { ecs } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Dialog } from '../../components/Dialog';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Status } from '../../components/Status';
import { To } from '../../components/To';
import { BarePage } from '../../frame/page';
import { useNotifications } from '../../frame/notifications';
import { clusters } from './data';

const columns: Column<Cluster>[] = [
  {
    id: 'name',
    header: 'Cluster',
    text: cluster => cluster.clusterName,
    cell: cluster => <To path={paths.cluster(cluster.clusterName ?? '')}>{cluster.clusterName}</To>,
  },
  { id: 'status', header: 'Status', text: cluster => cluster.status, cell: cluster => <Status value={cluster.status} /> },
  { id: 'running', header: 'Running tasks', text: cluster => cluster.runningTasksCount ?? 0 },
  { id: 'pending', header: 'Pending tasks', text: cluster => cluster.pendingTasksCount ?? 0 },
  { id: 'services', header: 'Services', text: cluster => cluster.activeServicesCount ?? 0 },
];

export function ClustersPage() {
  const live = useLive(clusters, []);
  const [dialog, setDialog] = useState<'create' | Cluster | undefined>();
  const close = () => {
    setDialog(undefined);
    void live.refresh();
  };
  const create = (
    <Button variant="primary" onClick={() => setDialog('create')}>
      Create cluster
    </Button>
  );
  return (
    <BarePage title="Clusters" crumbs={[{ text: 'Clusters' }]}>
      <LiveTable
        title="Clusters"
        live={live}
        columns={columns}
        order="name"
        rowId={cluster => cluster.clusterName ?? ''}
        selection="single"
        empty={{ text: 'No clusters yet. A cluster is a group of tasks; make one to run the first.', action: create }}
        actions={([selected]) => (
          <>
            <Button disabled={!selected} onClick={() => setDialog(selected)}>
              Delete
            </Button>
            {create}
          </>
        )}
      />
      {dialog === 'create' && <CreateCluster onClose={close} />}
      {dialog && dialog !== 'create' && <DeleteCluster cluster={dialog} onClose={close} />}
    </BarePage>
  );
}

function CreateCluster({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const { success } = useNotifications();
  return (
    <Dialog
      title="Create cluster"
      action="Create"
      disabled={!name}
      onClose={onClose}
      onAction={async () => {
        await ecs().send(new CreateClusterCommand({ clusterName: name }));
        success(<>The cluster {name} is there.</>);
      }}
    >
      <FormField label="Cluster name" constraintText="1 to 255 letters, digits, hyphens and underscores.">
        <Input value={name} onChange={({ detail }) => setName(detail.value)} autoFocus />
      </FormField>
      <CliCommand
        command={cli('ecs create-cluster', { 'cluster-name': name })}
        terraform={`resource "aws_ecs_cluster" "this" {\n  name = ${JSON.stringify(name)}\n}`}
      />
    </Dialog>
  );
}

function DeleteCluster({ cluster, onClose }: { cluster: Cluster; onClose: () => void }) {
  const { success } = useNotifications();
  const name = cluster.clusterName ?? '';
  return (
    <Dialog
      title={`Delete the cluster ${name}?`}
      action="Delete"
      onClose={onClose}
      onAction={async () => {
        await ecs().send(new DeleteClusterCommand({ cluster: name }));
        success(<>The cluster {name} is deleted.</>);
      }}
    >
      A cluster can only be deleted when none of its tasks run.
      <CliCommand command={cli('ecs delete-cluster', { cluster: name })} />
    </Dialog>
  );
}
