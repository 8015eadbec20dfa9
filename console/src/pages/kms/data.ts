// What the pages of KMS ask for.
import {
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  ListAliasesCommand,
  ListGrantsCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  type AliasListEntry,
  type GrantListEntry,
  type KeyMetadata,
} from '@aws-sdk/client-kms';

import { all, inPortions } from '../../aws/all';
import { kms } from '../../aws/clients';
import type { Tag } from '../../components/Tags';

export interface Key extends KeyMetadata {
  aliases: string[];
}

/** What a key is called: its first alias without `alias/`, else its id. */
export function nameOf(key: Key): string {
  return key.aliases[0]?.replace(/^alias\//, '') ?? key.KeyId ?? '';
}

export async function keys(): Promise<Key[]> {
  const [ids, names] = await Promise.all([
    all(async Marker => {
      const page = await kms().send(new ListKeysCommand({ Marker }));
      return { items: page.Keys, next: page.NextMarker };
    }),
    aliases(),
  ]);
  return inPortions(ids, 1, async ([key]) => {
    const { KeyMetadata } = await kms().send(new DescribeKeyCommand({ KeyId: key?.KeyId }));
    return KeyMetadata ? [withAliases(KeyMetadata, names)] : [];
  });
}

export async function key(KeyId: string): Promise<Key> {
  const [{ KeyMetadata }, names] = await Promise.all([kms().send(new DescribeKeyCommand({ KeyId })), aliases(KeyId)]);
  return withAliases(KeyMetadata ?? { KeyId }, names);
}

function aliases(KeyId?: string): Promise<AliasListEntry[]> {
  return all(async Marker => {
    const page = await kms().send(new ListAliasesCommand({ Marker, KeyId }));
    return { items: page.Aliases, next: page.NextMarker };
  });
}

function withAliases(metadata: KeyMetadata, names: AliasListEntry[]): Key {
  const own = names.filter(({ TargetKeyId }) => TargetKeyId === metadata.KeyId);
  return { ...metadata, aliases: own.flatMap(({ AliasName }) => AliasName ?? []) };
}

export async function keyPolicy(KeyId: string): Promise<string> {
  const { Policy } = await kms().send(new GetKeyPolicyCommand({ KeyId, PolicyName: 'default' }));
  return Policy ?? '';
}

export async function rotates(KeyId: string): Promise<boolean> {
  const { KeyRotationEnabled } = await kms().send(new GetKeyRotationStatusCommand({ KeyId }));
  return KeyRotationEnabled ?? false;
}

export function grants(KeyId: string): Promise<GrantListEntry[]> {
  return all(async Marker => {
    const page = await kms().send(new ListGrantsCommand({ KeyId, Marker }));
    return { items: page.Grants, next: page.NextMarker };
  });
}

export function keyTags(KeyId: string): Promise<Tag[]> {
  return all(async Marker => {
    const page = await kms().send(new ListResourceTagsCommand({ KeyId, Marker }));
    return { items: page.Tags?.map(({ TagKey, TagValue }) => ({ key: TagKey ?? '', value: TagValue ?? '' })), next: page.NextMarker };
  });
}
