import { Injectable, Logger } from '@nestjs/common';
import type { Container, ContainerAdjustment } from '../nri.js';

/** What every container gets, unless the plugin's configuration says something else. */
const GREETING: readonly [name: string, value: string][] = [['NRI_GREETING', 'hello from Nest']];

/** The variables that containers get. */
@Injectable()
export class Environment {
  private readonly logger = new Logger(Environment.name);
  private variables = GREETING;

  /** Takes a line `NAME=value` for each variable; without one there is the greeting. */
  configure(config: string): void {
    const lines = config.split('\n').filter((line) => /^\w+=/.test(line));
    const variables = lines.map((line): [string, string] => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    });
    this.variables = variables.length > 0 ? variables : GREETING;
    this.logger.log(`containers get ${this.variables.map(([name]) => name).join(', ')}`);
  }

  /** What to add to a container; a variable that it has itself stays as it is. */
  adjustmentOf({ env }: Container): ContainerAdjustment {
    const own = new Set(env.map((line) => line.split('=', 1)[0]));
    const missing = this.variables.filter(([name]) => !own.has(name));
    return { env: missing.map(([key, value]) => ({ key, value })) };
  }
}
