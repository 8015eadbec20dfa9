// The audit.
import { Route, Routes } from 'react-router-dom';

import { NotFound } from '../NotFound';
import { AuditPage } from './AuditPage';
import { RequestPage } from './RequestPage';

export default function Audit() {
  return (
    <Routes>
      <Route path="/" element={<AuditPage />} />
      <Route path="request/:request" element={<RequestPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
