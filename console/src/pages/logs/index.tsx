// CloudWatch Logs.
import { Route, Routes } from 'react-router-dom';

import { NotFound } from '../NotFound';
import { LogGroupPage } from './LogGroupPage';
import { LogGroupsPage } from './LogGroupsPage';

export default function Logs() {
  return (
    <Routes>
      <Route path="groups" element={<LogGroupsPage />} />
      <Route path="groups/:group" element={<LogGroupPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
