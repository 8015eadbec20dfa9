// Policies to begin with.

type Statement = Record<string, unknown>;

const VERSION = '2012-10-17';

export const EMPTY_POLICY = documentOf([{ Sid: 'Statement1', Effect: 'Allow', Action: [], Resource: [] }]);

/** Reads one secret; `keyArn` is the customer managed key that it is under, if it is under one. */
export function readSecretPolicy(secretArn: string, keyArn?: string): string {
  const statements: Statement[] = [
    { Sid: 'ReadRegistrySecret', Effect: 'Allow', Action: ['secretsmanager:GetSecretValue'], Resource: [secretArn] },
  ];
  if (keyArn) statements.push({ Sid: 'DecryptItsKey', Effect: 'Allow', Action: ['kms:Decrypt'], Resource: [keyArn] });
  return documentOf(statements);
}

/** Writes the logs of containers. */
export function writeLogsPolicy(region: string, account: string): string {
  const Action = ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'];
  return documentOf([{ Sid: 'WriteLogs', Effect: 'Allow', Action, Resource: [`arn:aws:logs:${region}:${account}:log-group:*`] }]);
}

/** Runs tasks, and gives them their roles. */
export function runTasksPolicy(account: string): string {
  return documentOf([
    { Sid: 'RunTasks', Effect: 'Allow', Action: ['ecs:RunTask', 'ecs:StopTask', 'ecs:Describe*', 'ecs:List*'], Resource: ['*'] },
    {
      Sid: 'GiveThemTheirRoles',
      Effect: 'Allow',
      Action: ['iam:PassRole'],
      Resource: [`arn:aws:iam::${account}:role/*`],
      Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    },
  ]);
}

/** Lets a service be the role. */
export function trustService(service: string): string {
  return documentOf([{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }]);
}

/** Lets an account's users and roles be the role, if their own policies allow it. */
export function trustAccount(account: string): string {
  return documentOf([{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'sts:AssumeRole' }]);
}

function documentOf(Statement: Statement[]): string {
  return JSON.stringify({ Version: VERSION, Statement }, null, 2);
}
