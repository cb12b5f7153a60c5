import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import chromium from '@sparticuz/chromium';
import { type Browser, type BrowserContext, chromium as driver, type Page } from 'playwright-core';
import { ROOT } from './processes.js';

/** A real Chromium from the package registry; null, with the reason printed, where it cannot start. */
export interface TestBrowser {
  page(options?: PageOptions): Promise<Page>;
  close(): Promise<void>;
}

export interface PageOptions {
  viewport?: { width: number; height: number };
  dark?: boolean;
  ignore_tls?: boolean;
}

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** Not the package's own arguments: --single-process ends with the first page. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
];

export const startBrowser = async (): Promise<TestBrowser | null> => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-browser-'));
  try {
    const executablePath = await chromium.executablePath();
    const browser = await driver.launch({ executablePath, args: ARGUMENTS, headless: true, env: { ...asEnv(), TMPDIR: folder } });
    return asTestBrowser(browser, folder);
  } catch (error) {
    console.log(`Chromium does not start here: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
    rmSync(folder, { recursive: true, force: true });
    return null;
  }
};

const asEnv = (): Record<string, string> =>
  Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));

const asTestBrowser = (browser: Browser, folder: string): TestBrowser => {
  const contexts: BrowserContext[] = [];
  return {
    async page({ viewport = DESKTOP, dark = false, ignore_tls = false } = {}) {
      const context = await browser.newContext({
        viewport,
        locale: 'en-US',
        timezoneId: 'UTC',
        colorScheme: dark ? 'dark' : 'light',
        ignoreHTTPSErrors: ignore_tls,
      });
      context.setDefaultTimeout(15_000);
      contexts.push(context);
      return context.newPage();
    },
    async close() {
      await Promise.all(contexts.map((context) => context.close()));
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Saves a picture below `.build/screenshots`, for people to look at. */
export const picture = async (page: Page, name: string): Promise<void> => {
  const folder = join(ROOT, '.build', 'screenshots');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
};
