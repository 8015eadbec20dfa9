// A command for a shell, to be copied.
import { Copy } from './Copy';

export function Command({ text, label = 'command' }: { text: string; label?: string }) {
  return (
    <pre className="command">
      <Copy text={text} label={label} /> <code>{text}</code>
    </pre>
  );
}
