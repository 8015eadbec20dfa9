// A rule of a security group as one writes it, and as EC2 takes it.
import type { IpPermission, SecurityGroupRule } from '@aws-sdk/client-ec2';

export interface RuleDraft {
  /** `tcp`, `udp`, `icmp` or `-1` for all. */
  protocol: string;
  /** `443`, or `8000-8100`; for ICMP and all protocols there is none. */
  ports: string;
  /** A range, or the id of a security group. */
  peer: string;
  description: string;
}

export function hasPorts(protocol: string): boolean {
  return protocol === 'tcp' || protocol === 'udp';
}

/** What is wrong with what was written, at its field. */
export function ruleProblems({ protocol, ports, peer }: RuleDraft): { ports?: string; peer?: string } {
  const problems: { ports?: string; peer?: string } = {};
  if (hasPorts(protocol)) {
    const range = portsOf(ports);
    if (!range) problems.ports = 'A port such as 443, or a range such as 8000-8100.';
    else if (range.from > range.to || range.to > 65_535) problems.ports = 'From 0 to 65535, the lower one first.';
  }
  const isRange = /^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/.test(peer) || /^[0-9a-f:.]*:[0-9a-f:.]*\/\d{1,3}$/i.test(peer);
  if (!isRange && !/^sg-[0-9a-f]+$/.test(peer)) problems.peer = 'A range such as 203.0.113.0/24, or a security group such as sg-0123.';
  return problems;
}

export function permissionOf({ protocol, ports, peer, description }: RuleDraft): IpPermission {
  const range = portsOf(ports);
  const Description = description || undefined;
  const icmp = protocol === 'icmp' ? { FromPort: -1, ToPort: -1 } : {};
  return {
    IpProtocol: protocol,
    ...(hasPorts(protocol) ? { FromPort: range?.from, ToPort: range?.to } : icmp),
    ...(peer.startsWith('sg-')
      ? { UserIdGroupPairs: [{ GroupId: peer, Description }] }
      : peer.includes(':')
        ? { Ipv6Ranges: [{ CidrIpv6: peer, Description }] }
        : { IpRanges: [{ CidrIp: peer, Description }] }),
  };
}

export function protocolOf({ IpProtocol }: SecurityGroupRule): string {
  return IpProtocol === '-1' ? 'All' : (IpProtocol ?? '').toUpperCase();
}

export function portRangeOf({ IpProtocol, FromPort, ToPort }: SecurityGroupRule): string {
  if (!hasPorts(IpProtocol ?? '')) return 'All';
  return FromPort === ToPort ? String(FromPort) : `${FromPort}-${ToPort}`;
}

export function peerOf({ CidrIpv4, CidrIpv6, ReferencedGroupInfo, PrefixListId }: SecurityGroupRule): string {
  return CidrIpv4 ?? CidrIpv6 ?? ReferencedGroupInfo?.GroupId ?? PrefixListId ?? '';
}

function portsOf(text: string): { from: number; to: number } | undefined {
  const found = /^\s*(\d{1,5})\s*(?:-\s*(\d{1,5})\s*)?$/.exec(text);
  if (!found) return undefined;
  const from = Number(found[1]);
  return { from, to: found[2] === undefined ? from : Number(found[2]) };
}
