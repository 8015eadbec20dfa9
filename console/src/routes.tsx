// The areas of the console. Each has a folder in `pages/` and is fetched when it is first opened.
import { lazy } from 'react';
import { Navigate, Route, Routes } from 'react-router-dom';

import { paths } from './aws/arn';
import { NotFound } from './pages/NotFound';

const Ecs = lazy(() => import('./pages/ecs'));
const Secrets = lazy(() => import('./pages/secrets'));
const Kms = lazy(() => import('./pages/kms'));
const Iam = lazy(() => import('./pages/iam'));
const Vpc = lazy(() => import('./pages/vpc'));
const Audit = lazy(() => import('./pages/audit'));
const Logs = lazy(() => import('./pages/logs'));

export function Areas() {
  return (
    <Routes>
      <Route path="/" element={<Navigate to={paths.clusters()} replace />} />
      <Route path="/ecs/*" element={<Ecs />} />
      <Route path="/secrets/*" element={<Secrets />} />
      <Route path="/kms/*" element={<Kms />} />
      <Route path="/iam/*" element={<Iam />} />
      <Route path="/vpc/*" element={<Vpc />} />
      <Route path="/audit/*" element={<Audit />} />
      <Route path="/logs/*" element={<Logs />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
