// A value as JSON, to read, copy and download.
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';

import { download } from './download';
import { Copy } from './Copy';

interface JsonViewProps {
  value: unknown;
  /** Names the file of the download: `task-definition`. */
  name: string;
}

export function JsonView({ value, name }: JsonViewProps) {
  const text = typeof value === 'string' ? pretty(value) : JSON.stringify(value, plain, 2);
  return (
    <SpaceBetween size="xs">
      <SpaceBetween direction="horizontal" size="xs">
        <Copy text={text} label="JSON" />
        <Button variant="inline-link" iconName="download" onClick={() => download(`${name}.json`, text, 'application/json')}>
          Download
        </Button>
      </SpaceBetween>
      <pre className="json" tabIndex={0} aria-label={`${name} as JSON`}>
        {text}
      </pre>
    </SpaceBetween>
  );
}

/** A JSON document in lines; what is no JSON stays as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Leaves out what the SDK adds to answers. */
function plain(key: string, value: unknown): unknown {
  return key === '$metadata' ? undefined : value;
}
