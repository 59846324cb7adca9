import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { openVisit } from './visit.ts';
import './style.css';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no #root');

const visit = openVisit(new URL(location.href));

createRoot(root).render(
  <StrictMode>
    <App visit={visit} />
  </StrictMode>,
);
