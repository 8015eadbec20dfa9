// The secrets: names and ARNs. Their values are asked for on the page of one secret, on a click.
import { ListSecretsCommand, type SecretListEntry } from '@aws-sdk/client-secrets-manager';

import { all } from '../../aws/all';
import { paths } from '../../aws/arn';
import { secretsManager } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Time } from '../../components/Time';
import { To } from '../../components/To';
import { BarePage } from '../../frame/page';

const columns: Column<SecretListEntry>[] = [
  {
    id: 'name',
    header: 'Secret',
    text: secret => secret.Name,
    cell: secret => <To path={paths.secret(secret.ARN ?? '')}>{secret.Name}</To>,
  },
  { id: 'description', header: 'Description', text: secret => secret.Description },
  {
    id: 'changed',
    header: 'Changed',
    text: secret => secret.LastChangedDate?.getTime(),
    cell: secret => <Time value={secret.LastChangedDate} ago />,
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
  return (
    <BarePage title="Secrets" crumbs={[{ text: 'Secrets' }]}>
      <LiveTable
        title="Secrets"
        live={live}
        columns={columns}
        order="name"
        rowId={secret => secret.ARN ?? ''}
        empty={{ text: 'No secrets yet. The login of a private registry is kept in one.' }}
      />
    </BarePage>
  );
}

function secrets(): Promise<SecretListEntry[]> {
  return all(async NextToken => {
    const page = await secretsManager().send(new ListSecretsCommand({ NextToken, MaxResults: 100 }));
    return { items: page.SecretList, next: page.NextToken };
  });
}
