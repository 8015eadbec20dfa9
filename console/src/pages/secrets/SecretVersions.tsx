// The versions of a secret, and which stages they have.
import { UpdateSecretVersionStageCommand, type SecretVersionsListEntry } from '@aws-sdk/client-secrets-manager';
import Badge from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';

import { cli } from '../../aws/cli';
import { secretsManager } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { Dialog } from '../../components/Dialog';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Time } from '../../components/Time';
import { useNotifications } from '../../frame/notifications';
import { secretVersions } from './data';

const CURRENT = 'AWSCURRENT';

const columns: Column<SecretVersionsListEntry>[] = [
  {
    id: 'version',
    header: 'Version id',
    width: 380,
    text: version => version.VersionId,
    cell: version => <Copy text={version.VersionId ?? ''} label="version id" shown />,
  },
  {
    id: 'stages',
    header: 'Stages',
    width: 240,
    text: version => version.VersionStages?.join(' '),
    cell: version =>
      version.VersionStages?.length ? (
        <SpaceBetween direction="horizontal" size="xxs">
          {version.VersionStages.map(stage => (
            <Badge key={stage} color={stage === CURRENT ? 'green' : 'grey'}>
              {stage}
            </Badge>
          ))}
        </SpaceBetween>
      ) : (
        'none; it will be forgotten'
      ),
  },
  {
    id: 'created',
    header: 'Created',
    text: version => version.CreatedDate?.getTime(),
    cell: version => <Time value={version.CreatedDate} />,
  },
  {
    id: 'read',
    header: 'Last read (day)',
    text: version => version.LastAccessedDate?.getTime(),
    cell: version => (version.LastAccessedDate ? version.LastAccessedDate.toISOString().slice(0, 10) : '-'),
  },
];

export function SecretVersions({ arn }: { arn: string }) {
  const live = useLive(() => secretVersions(arn), [arn]);
  const [wanted, setWanted] = useState<SecretVersionsListEntry>();
  const current = live.data?.find(isCurrent);
  return (
    <>
      <LiveTable
        title="Versions"
        level="h2"
        live={live}
        columns={columns}
        order="-created"
        rowId={version => version.VersionId ?? ''}
        selection="single"
        empty={{ text: 'No versions: the secret has no value yet. Write one above.' }}
        actions={([selected]) => (
          <Button disabled={!selected || isCurrent(selected)} onClick={() => setWanted(selected)}>
            Make current
          </Button>
        )}
      />
      {wanted && (
        <MakeCurrent
          arn={arn}
          to={wanted.VersionId ?? ''}
          from={current?.VersionId}
          onClose={() => {
            setWanted(undefined);
            void live.refresh();
          }}
        />
      )}
    </>
  );
}

function isCurrent(version: SecretVersionsListEntry): boolean {
  return version.VersionStages?.includes(CURRENT) ?? false;
}

function MakeCurrent({ arn, to, from, onClose }: { arn: string; to: string; from?: string; onClose: () => void }) {
  const { success } = useNotifications();
  return (
    <Dialog
      title="Make this version the current one?"
      action="Make current"
      onClose={onClose}
      onAction={async () => {
        await secretsManager().send(
          new UpdateSecretVersionStageCommand({ SecretId: arn, VersionStage: CURRENT, MoveToVersionId: to, RemoveFromVersionId: from }),
        );
        success('The version is current. Tasks that start from now on get it.');
      }}
    >
      <Box>Tasks that start from now on get this version. The one that was current becomes AWSPREVIOUS.</Box>
      <CliCommand
        command={cli('secretsmanager update-secret-version-stage', {
          'secret-id': arn,
          'version-stage': CURRENT,
          'move-to-version-id': to,
          'remove-from-version-id': from,
        })}
      />
    </Dialog>
  );
}
