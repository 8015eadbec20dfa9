// The policy of a new key, as AWS's console writes it: the account, administrators, users.

const ADMINISTER = [
  'kms:Create*',
  'kms:Describe*',
  'kms:Enable*',
  'kms:List*',
  'kms:Put*',
  'kms:Update*',
  'kms:Revoke*',
  'kms:Disable*',
  'kms:Get*',
  'kms:Delete*',
  'kms:TagResource',
  'kms:UntagResource',
  'kms:ScheduleKeyDeletion',
  'kms:CancelKeyDeletion',
];
const USE = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'];

/** `administrators` and `users` are ARNs of users and roles. */
export function keyPolicyFor(account: string, administrators: string[], users: string[]): string {
  const statement = (Sid: string, arns: string[], Action: string | string[]) => ({
    Sid,
    Effect: 'Allow',
    Principal: { AWS: arns.length === 1 ? arns[0] : arns },
    Action,
    Resource: '*',
  });
  const Statement: object[] = [statement('Enable IAM User Permissions', [`arn:aws:iam::${account}:root`], 'kms:*')];
  if (administrators.length) Statement.push(statement('Allow access for Key Administrators', administrators, ADMINISTER));
  if (users.length) Statement.push(statement('Allow use of the key', users, USE));
  return JSON.stringify({ Version: '2012-10-17', Id: 'key-consolepolicy-3', Statement }, null, 2);
}
