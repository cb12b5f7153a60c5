import { loadPlugins } from '@muster/shared/plugins';
import type { NotifierDeclaration } from './notifier.js';

/** The folder of notifiers, in `src` as well as in the build. */
export const NOTIFIERS_FOLDER = new URL('./notifiers/', import.meta.url);

/** Every notifier by its id. */
export const loadNotifiers = (): Promise<Map<string, NotifierDeclaration>> => loadPlugins<NotifierDeclaration>(NOTIFIERS_FOLDER);
