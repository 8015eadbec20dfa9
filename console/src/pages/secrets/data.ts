// What the pages of secrets ask for. No answer with a value is kept here.
import {
  DescribeSecretCommand,
  GetResourcePolicyCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  type DescribeSecretCommandOutput,
  type SecretListEntry,
  type SecretVersionsListEntry,
} from '@aws-sdk/client-secrets-manager';

import { all } from '../../aws/all';
import { secretsManager } from '../../aws/clients';

/** All secrets, those that wait for their deletion too. */
export function secrets(): Promise<SecretListEntry[]> {
  return all(async NextToken => {
    const page = await secretsManager().send(new ListSecretsCommand({ NextToken, MaxResults: 100, IncludePlannedDeletion: true }));
    return { items: page.SecretList, next: page.NextToken };
  });
}

export function describeSecret(SecretId: string): Promise<DescribeSecretCommandOutput> {
  return secretsManager().send(new DescribeSecretCommand({ SecretId }));
}

/** All versions, those without a stage too. */
export function secretVersions(SecretId: string): Promise<SecretVersionsListEntry[]> {
  return all(async NextToken => {
    const page = await secretsManager().send(new ListSecretVersionIdsCommand({ SecretId, NextToken, IncludeDeprecated: true }));
    return { items: page.Versions, next: page.NextToken };
  });
}

/** The resource policy; undefined if there is none. */
export async function secretPolicy(SecretId: string): Promise<string | undefined> {
  const { ResourcePolicy } = await secretsManager().send(new GetResourcePolicyCommand({ SecretId }));
  return ResourcePolicy;
}

/** A value, as text or as bytes. */
export type SecretValue = { text: string } | { bytes: number };

/** Asks for a value. Call it on a click only. */
export async function readSecret(SecretId: string, VersionId?: string): Promise<SecretValue> {
  const { SecretString, SecretBinary } = await secretsManager().send(new GetSecretValueCommand({ SecretId, VersionId }));
  return SecretString === undefined ? { bytes: SecretBinary?.length ?? 0 } : { text: SecretString };
}
