// Secrets Manager.
import { Route, Routes } from 'react-router-dom';

import { NotFound } from '../NotFound';
import { SecretsPage } from './SecretsPage';

export default function Secrets() {
  return (
    <Routes>
      <Route path="/" element={<SecretsPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
