import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A tab of headless Chromium, driven over W3C WebDriver as chromedriver serves it. */
export class Browser {
  readonly #driver: ChildProcess;
  readonly #session: string;

  private constructor(driver: ChildProcess, session: string) {
    this.#driver = driver;
    this.#session = session;
  }

  static async start(): Promise<Browser> {
    const driver = spawn('chromedriver', ['--port=0'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const driverUrl = `http://127.0.0.1:${await portOf(driver)}`;
      // Chromium refuses to be root's, unless it is told to.
      const chrome = {
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--window-size=1100,800'],
      };
      const { sessionId } = (await command(`${driverUrl}/session`, {
        capabilities: {
          alwaysMatch: { 'goog:chromeOptions': chrome, timeouts: { script: 20_000 } },
        },
      })) as { sessionId: string };
      return new Browser(driver, `${driverUrl}/session/${sessionId}`);
    } catch (error) {
      driver.kill();
      throw error;
    }
  }

  async open(url: string): Promise<void> {
    await command(`${this.#session}/url`, { url });
  }

  /** Gives what an expression gives in the page. */
  evaluate(expression: string): Promise<unknown> {
    return command(`${this.#session}/execute/sync`, { script: `return ${expression}`, args: [] });
  }

  /**
   * Waits until the page's text matches, which may be at once.
   *
   * @throws Error when it does not in time, with the text that there was
   */
  async shows(pattern: RegExp): Promise<void> {
    const text = (await command(`${this.#session}/execute/async`, {
      script: SHOWS,
      args: [pattern.source, pattern.flags],
    })) as string | null;
    if (text !== null) throw new Error(`the page does not show ${pattern}, but\n${text}`);
  }

  /** What assistive technology is told of the first element that the selector finds. */
  async spoken(selector: string): Promise<{ role: unknown; label: unknown }> {
    const found = (await command(`${this.#session}/element`, {
      using: 'css selector',
      value: selector,
    })) as Record<string, string>;
    const element = `${this.#session}/element/${Object.values(found)[0]}`;
    return {
      role: await command(`${element}/computedrole`),
      label: await command(`${element}/computedlabel`),
    };
  }

  /** A picture of what the tab shows, as PNG. */
  async screenshot(): Promise<Buffer> {
    return Buffer.from((await command(`${this.#session}/screenshot`)) as string, 'base64');
  }

  async stop(): Promise<void> {
    try {
      await command(this.#session, undefined, 'DELETE');
    } finally {
      this.#driver.kill();
      await once(this.#driver, 'exit');
    }
  }
}

/** Runs in the page: looks at its text whenever it changes, for as long as a test may wait. */
const SHOWS = `
  const [source, flags, done] = arguments;
  const pattern = new RegExp(source, flags);
  const observer = new MutationObserver(look);
  const late = setTimeout(() => end(document.body.innerText), 15000);
  observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  look();
  function look() {
    if (pattern.test(document.body.innerText)) end(null);
  }
  function end(result) {
    observer.disconnect();
    clearTimeout(late);
    done(result);
  }
`;

/** @throws Error with the driver's words when it fails */
async function command(
  url: string,
  body?: object,
  method = body === undefined ? 'GET' : 'POST',
): Promise<unknown> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { value } = (await response.json()) as { value: { message?: string } | null };
  if (!response.ok) throw new Error(`${method} ${url}: ${value?.message}`);
  return value;
}

async function portOf(driver: ChildProcess): Promise<string> {
  for await (const line of createInterface(driver.stdout!)) {
    const port = /on port (\d+)\.$/.exec(line)?.[1];
    if (port !== undefined) return port;
  }
  throw new Error('chromedriver does not start');
}
