// A link to a page of the console. Its address is real, so it can be copied and opened in a new tab.
import Link, { type LinkProps } from '@cloudscape-design/components/link';
import type { ReactNode } from 'react';
import { useNavigate } from 'react-router-dom';

import { pathOf } from '../aws/arn';
import { BASE } from '../frame/navigation';

interface ToProps extends Omit<LinkProps, 'href' | 'onFollow'> {
  /** Without `/console`: from `paths` of `aws/arn.ts`. */
  path: string;
}

export function To({ path, children, ...rest }: ToProps) {
  const navigate = useNavigate();
  return (
    <Link
      {...rest}
      href={BASE + path}
      onFollow={event => {
        event.preventDefault();
        void navigate(path);
      }}
    >
      {children}
    </Link>
  );
}

/** An ARN as a link to what it names, if a page shows that; else as text. */
export function ArnLink({ arn, children }: { arn: string; children?: ReactNode }) {
  const path = pathOf(arn);
  const text = <span className="break">{children ?? arn}</span>;
  return path ? <To path={path}>{text}</To> : text;
}
