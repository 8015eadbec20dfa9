// The words with which AWS says how something is, with the sign that fits.
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';

const SIGNS: Record<string, StatusIndicatorProps.Type> = {
  PROVISIONING: 'pending',
  PENDING: 'pending',
  ACTIVATING: 'in-progress',
  RUNNING: 'success',
  DEACTIVATING: 'in-progress',
  STOPPING: 'in-progress',
  DEPROVISIONING: 'in-progress',
  STOPPED: 'stopped',
  DELETED: 'stopped',
  ACTIVE: 'success',
  INACTIVE: 'stopped',
  DELETE_IN_PROGRESS: 'in-progress',
  HEALTHY: 'success',
  UNHEALTHY: 'error',
  UNKNOWN: 'pending',
  Enabled: 'success',
  Disabled: 'stopped',
  PendingDeletion: 'warning',
  available: 'success',
  'in-use': 'success',
};

/** `bad` marks an end that nobody asked for. */
export function Status({ value, bad }: { value: string | undefined; bad?: boolean }) {
  if (!value) return <>-</>;
  return <StatusIndicator type={bad ? 'error' : (SIGNS[value] ?? 'info')}>{value}</StatusIndicator>;
}
