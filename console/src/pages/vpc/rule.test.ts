// Rules of security groups: what is written, and what EC2 is asked for.
import { expect, test } from 'vitest';

import { peerOf, permissionOf, portRangeOf, protocolOf, ruleProblems, type RuleDraft } from './rule';

const rule = (part: Partial<RuleDraft>): RuleDraft => ({ protocol: 'tcp', ports: '80', peer: '0.0.0.0/0', description: '', ...part });

test.each([
  [rule({}), { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0', Description: undefined }] }],
  [rule({ ports: ' 8000 - 8100 ', peer: '::/0' }), { IpProtocol: 'tcp', FromPort: 8000, ToPort: 8100, Ipv6Ranges: [{ CidrIpv6: '::/0', Description: undefined }] }],
  [rule({ protocol: '-1', peer: 'sg-01ab', description: 'x' }), { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: 'sg-01ab', Description: 'x' }] }],
  [rule({ protocol: 'icmp' }), { IpProtocol: 'icmp', FromPort: -1, ToPort: -1, IpRanges: [{ CidrIp: '0.0.0.0/0', Description: undefined }] }],
])('%j', (draft, permission) => {
  expect(ruleProblems(draft)).toEqual({});
  expect(permissionOf(draft)).toEqual(permission);
});

test.each([
  [{ ports: '' }, 'ports'],
  [{ ports: '90-80' }, 'ports'],
  [{ ports: '70000' }, 'ports'],
  [{ ports: 'http' }, 'ports'],
  [{ peer: 'everybody' }, 'peer'],
  [{ peer: '10.0.0.1' }, 'peer'],
  [{ peer: '' }, 'peer'],
])('%j has a mistake at its field', (part, field) => {
  expect(Object.keys(ruleProblems(rule(part)))).toEqual([field]);
});

test('a rule is shown as one says it', () => {
  expect([protocolOf({ IpProtocol: '-1' }), portRangeOf({ IpProtocol: '-1', FromPort: -1, ToPort: -1 })]).toEqual(['All', 'All']);
  expect([protocolOf({ IpProtocol: 'tcp' }), portRangeOf({ IpProtocol: 'tcp', FromPort: 80, ToPort: 81 })]).toEqual(['TCP', '80-81']);
  expect(peerOf({ ReferencedGroupInfo: { GroupId: 'sg-1' } })).toBe('sg-1');
});
