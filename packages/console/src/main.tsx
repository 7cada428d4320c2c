import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { httpApi } from './io/api.ts';
import { startFeed } from './io/feed.ts';
import { tokenJar } from './io/token.ts';
import { keepHistory, readHistory } from './state/kept-history.ts';
import { createStore } from './state/store.ts';
import './styles/index.css';

const token = tokenJar();
const api = httpApi('', token.read);
const store = createStore(() => ({ nowMs: performance.now(), wallMs: Date.now() }), readHistory(Date.now()));
const feed = startFeed(api, store.deliver);
window.addEventListener('pagehide', () => keepHistory(store.get()));
window.addEventListener('online', feed.retry);
window.addEventListener('offline', feed.offline);

const giveToken = (next: string): void => {
  token.keep(next);
  store.deliver([{ kind: 'connecting' }], true);
  feed.retry();
};

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App store={store} api={api} giveToken={giveToken} />
  </StrictMode>,
);
