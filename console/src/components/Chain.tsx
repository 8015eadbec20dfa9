// The road of a task as a chain: role, policy, secret, key, registry, image. The broken link is red and has its mend.
import Box from '@cloudscape-design/components/box';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';

import type { Link, Mend } from '../aws/tidegate';
import { MendAlert } from './MendAlert';
import { ArnLink } from './To';

const SIGNS: Record<Link['outcome'], { type: StatusIndicatorProps.Type; text: string }> = {
  good: { type: 'success', text: 'Good' },
  broken: { type: 'error', text: 'Broken' },
  notReached: { type: 'pending', text: 'Not reached' },
};

export function Chain({ links, onMended }: { links: Link[]; onMended?: (mend: Mend) => void }) {
  return (
    <ol className="chain" aria-label="The road">
      {links.map((link, at) => (
        <li key={at} data-outcome={link.outcome}>
          <span className="chain-mark">
            <StatusIndicator type={SIGNS[link.outcome].type} iconAriaLabel={SIGNS[link.outcome].text}>
              {''}
            </StatusIndicator>
          </span>
          <SpaceBetween size="xxs">
            <Box>
              <Box variant="span" color="text-body-secondary">
                {kindOf(link.kind)}
              </Box>{' '}
              <Box variant="span" fontWeight={link.outcome === 'broken' ? 'bold' : 'normal'}>
                <ArnLink arn={link.subject} />
              </Box>
            </Box>
            {Boolean(link.detail) && (
              <Box color={link.outcome === 'broken' ? 'text-status-error' : 'text-body-secondary'}>
                <span className="break">{link.detail}</span>
              </Box>
            )}
            {link.mend ? <MendAlert text={link.mend} mends={link.mends} onMended={onMended} /> : null}
          </SpaceBetween>
        </li>
      ))}
    </ol>
  );
}

function kindOf(kind: string): string {
  const words = kind.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
