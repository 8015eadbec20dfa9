// The keys of KMS, with their aliases.
import { DescribeKeyCommand, ListAliasesCommand, ListKeysCommand, type KeyMetadata } from '@aws-sdk/client-kms';

import { all, inPortions } from '../../aws/all';
import { kms } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Status } from '../../components/Status';
import { BarePage } from '../../frame/page';

interface Key extends KeyMetadata {
  aliases: string[];
}

const columns: Column<Key>[] = [
  { id: 'alias', header: 'Alias', text: key => key.aliases.join(', ') },
  { id: 'id', header: 'Key id', width: 320, text: key => key.KeyId },
  { id: 'state', header: 'State', text: key => key.KeyState, cell: key => <Status value={key.KeyState} /> },
  { id: 'manager', header: 'Managed by', text: key => (key.KeyManager === 'AWS' ? 'AWS' : 'you') },
  { id: 'description', header: 'Description', text: key => key.Description },
  { id: 'arn', header: 'ARN', width: 420, text: key => key.Arn, cell: key => <Copy text={key.Arn ?? ''} label="ARN" shown /> },
];

export function KeysPage() {
  const live = useLive(keys, [], { every: 10_000 });
  return (
    <BarePage title="KMS keys" crumbs={[{ text: 'KMS keys' }]}>
      <LiveTable title="KMS keys" live={live} columns={columns} order="alias" rowId={key => key.KeyId ?? ''} empty={{ text: 'No keys yet.' }} />
    </BarePage>
  );
}

async function keys(): Promise<Key[]> {
  const [ids, aliases] = await Promise.all([
    all(async Marker => {
      const page = await kms().send(new ListKeysCommand({ Marker }));
      return { items: page.Keys, next: page.NextMarker };
    }),
    all(async Marker => {
      const page = await kms().send(new ListAliasesCommand({ Marker }));
      return { items: page.Aliases, next: page.NextMarker };
    }),
  ]);
  return inPortions(ids, 1, async ([key]) => {
    const { KeyMetadata } = await kms().send(new DescribeKeyCommand({ KeyId: key?.KeyId }));
    const own = aliases.filter(({ TargetKeyId }) => TargetKeyId === key?.KeyId);
    return KeyMetadata ? [{ ...KeyMetadata, aliases: own.flatMap(({ AliasName }) => AliasName ?? []) }] : [];
  });
}
