import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
/** An emulated machine serves the page slowly, most of all while its gateway is still busy with its start. */
const TIMEOUT_MS = 600_000;
const ARTIFACTS = path.resolve(import.meta.dirname, '../artifacts');

/** Nothing of its own goes to the network, and root may run it. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser without a screen and with nothing from before. */
export async function startBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is missing. Run: apt-get install chromium`);
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
}

/**
 * The page says that the address was used. Whoever sees this in the first browser has a gateway that took more than the
 * 15 seconds for which OpenClaw's page waits for an answer: it hung up, and the login was spent. `olympus dashboard
 * --help` says to run it again.
 */
export class LoginSpentError extends Error {
  override name = 'LoginSpentError';
}

/**
 * Goes to an address that `olympus dashboard` printed, resolves when the page shows the agent's chat, and keeps a
 * picture of it (`keepPicture`). Rejects with LoginSpentError when the page says that.
 */
export async function seeDashboard(browser: Browser, url: string, picture: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(url);
  const chat = page.getByText('Type a message below');
  const spent = page.getByText('Gateway secret rejected').first();
  await chat.or(spent).first().waitFor({ timeout: TIMEOUT_MS });
  if (await spent.isVisible()) {
    await page.close();
    throw new LoginSpentError('the gateway refused the address as used');
  }
  await page
    .getByText('Connected', { exact: true })
    .first()
    .waitFor({ state: 'attached', timeout: TIMEOUT_MS });
  await keepPicture(page, picture);
  return page;
}

/** Keeps a picture in test/artifacts, for people to look at; git does not keep it. */
export async function keepPicture(page: Page, picture: string): Promise<void> {
  await mkdir(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: path.join(ARTIFACTS, picture) });
}

/** Goes to such an address in a browser that may not use it, and resolves when the page asks for a secret instead. */
export async function seeRefusal(browser: Browser, url: string): Promise<void> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.getByLabel('Gateway secret').first().waitFor({ timeout: TIMEOUT_MS });
  if ((await page.getByText('Type a message below').count()) > 0) throw new Error('the chat is shown');
  await context.close();
}
