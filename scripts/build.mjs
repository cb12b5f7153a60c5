/** `npm run build`: installs and builds what is missing. */
import { prepare } from './bootstrap.mjs';

prepare();
