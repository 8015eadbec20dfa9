// The roles.
import { DeleteRoleCommand, type Role } from '@aws-sdk/client-iam';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
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
import { asJson, roles } from './data';
import { removePolicies } from './owners';

const columns: Column<Role>[] = [
  {
    id: 'name',
    header: 'Role',
    width: 260,
    text: role => role.RoleName,
    cell: role => <To path={paths.role(role.RoleName ?? '')}>{role.RoleName}</To>,
  },
  { id: 'trusts', header: 'Trusts', width: 240, text: trusted, cell: role => <span className="break">{trusted(role) || '-'}</span> },
  {
    id: 'created',
    header: 'Created',
    text: role => role.CreateDate?.getTime(),
    cell: role => <Time value={role.CreateDate} />,
  },
  { id: 'arn', header: 'ARN', width: 440, text: role => role.Arn, cell: role => <Copy text={role.Arn ?? ''} label="ARN" shown /> },
];

/** Who may be the role, as its trust policy names them. */
function trusted(role: Role): string {
  try {
    const { Statement } = JSON.parse(asJson(role.AssumeRolePolicyDocument)) as { Statement?: unknown };
    const principals = [Statement].flat().flatMap(statement => (statement as { Principal?: unknown }).Principal ?? []);
    return principals.flatMap(principal => (typeof principal === 'string' ? principal : Object.values(principal as object).flat())).join(', ');
  } catch {
    return '';
  }
}

export function RolesPage() {
  const live = useLive(roles, [], { every: 5_000 });
  const [deleting, setDeleting] = useState<Role>();
  const navigate = useNavigate();
  const create = (
    <Button variant="primary" onClick={() => void navigate(paths.createRole())}>
      Create role
    </Button>
  );
  return (
    <BarePage title="Roles" crumbs={[{ text: 'Roles' }]}>
      <LiveTable
        title="Roles"
        live={live}
        columns={columns}
        order="name"
        rowId={role => role.Arn ?? ''}
        selection="single"
        empty={{ text: 'No roles yet. A task needs one to read its secrets: the execution role.', action: create }}
        actions={([selected]) => (
          <>
            <Button disabled={!selected} onClick={() => setDeleting(selected)}>
              Delete
            </Button>
            {create}
          </>
        )}
      />
      {deleting && (
        <DeleteRole
          name={deleting.RoleName ?? ''}
          onClose={() => {
            setDeleting(undefined);
            void live.refresh();
          }}
        />
      )}
    </BarePage>
  );
}

export function DeleteRole({ name, onClose, onDeleted }: { name: string; onClose: () => void; onDeleted?: () => void }) {
  const { success } = useNotifications();
  return (
    <Dialog
      title={`Delete the role ${name}?`}
      action="Delete"
      onClose={onClose}
      onAction={async () => {
        await removePolicies({ kind: 'role', name });
        await iam().send(new DeleteRoleCommand({ RoleName: name }));
        success(<>The role {name} is deleted.</>);
        onDeleted?.();
      }}
    >
      <Box>Its policies are detached, its inline policies are lost. Tasks whose task definition names it do not start any more.</Box>
      <CliCommand command={cli('iam delete-role', { 'role-name': name })} note="Its policies must be detached first." />
    </Dialog>
  );
}
