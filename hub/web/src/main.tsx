import { render } from 'preact';
import { AppContext, createApp } from './app.js';
import { Shell } from './views/shell.js';
import './style.css';

const app = createApp();
const root = document.getElementById('app');
if (root) {
  render(
    <AppContext value={app}>
      <Shell />
    </AppContext>,
    root,
  );
}
void app.checkSession();
